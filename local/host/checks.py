"""What the Functions worker refuses when it indexes an app, refused here too.

Rules as in the production worker (durable.md §1.5); one bad function makes Azure index none at all, so the
host does not start either.
"""

import collections.abc
import inspect
import typing
from collections.abc import Callable, Sequence
from typing import Any

import azure.functions as func

IN, OUT = 0, 1
_registry: Callable[[], Any] = func.get_binding_registry  # the library leaves it untyped
_IMPLICIT_OUTPUT = frozenset({"orchestrationTrigger", "activityTrigger", "entityTrigger"})


class LoadError(Exception):
    """The app cannot be indexed; the text names the function and what is wrong with it."""


def check_function(name: str, function: Callable[..., Any], bindings: Sequence[Any]) -> bool:
    """Checks a function's parameters and annotations against its bindings; True when it takes `func.Context`."""
    parameters = set(inspect.signature(function).parameters)
    try:
        annotations = typing.get_type_hints(function)
    except NameError as error:
        raise LoadError(f"cannot load the {name} function: an annotation names something unknown: {error}") from error
    bound = {b.name: b for b in bindings if b.name != "$return"}
    if any(b.type == "orchestrationTrigger" and b.name != "context" for b in bindings):  # the SDK's own name for it
        raise LoadError(f"cannot load the {name} function: an orchestrator's context_name has to be 'context'")

    takes_context = "context" in parameters and "context" not in bound
    if takes_context:
        parameters.remove("context")
        annotation = annotations.get("context")
        if annotation is not None and getattr(annotation, "__name__", "") != "Context":
            raise LoadError(f'cannot load the {name} function: "context" has to be an azure.functions.Context')
    if parameters - bound.keys():
        missing = ", ".join(sorted(parameters - bound.keys()))
        raise LoadError(f"cannot load the {name} function: parameters without a binding: {missing}")
    if bound.keys() - parameters:
        extra = ", ".join(sorted(bound.keys() - parameters))
        raise LoadError(f"cannot load the {name} function: bindings without a parameter: {extra}")

    for parameter, binding in bound.items():
        if parameter in annotations:
            _check_input(name, parameter, binding, annotations[parameter])
    explicit = [b for b in bindings if b.name == "$return"]
    if explicit and "return" in annotations:
        _check_return(name, explicit[0].type, annotations["return"])
    return takes_context


def _check_input(name: str, parameter: str, binding: Any, annotation: Any) -> None:
    if not isinstance(annotation, type) and not _is_typing_generic(annotation):
        raise LoadError(
            f"cannot load the {name} function: binding {parameter} has invalid non-type annotation {annotation!r}"
        )
    if int(binding.direction) != IN:
        raise LoadError(f"cannot load the {name} function: output binding {parameter} is not supported here")
    generic = annotation in (str, bytes) and binding.type not in _IMPLICIT_OUTPUT
    converter = None if generic else _registry().get(binding.type)
    try:
        fits = generic or converter is None or converter.check_input_type_annotation(annotation)
    except TypeError:  # issubclass() of something that is no class
        fits = False
    if not fits:
        raise LoadError(
            f"cannot load the {name} function: {parameter} is a {binding.type}, which its annotation does not fit"
        )


def _check_return(name: str, binding_type: str, annotation: Any) -> None:
    if not isinstance(annotation, type):
        raise LoadError(f"cannot load the {name} function: invalid non-type return annotation {annotation!r}")
    converter = _registry().get(binding_type)
    if converter is not None and not converter.check_output_type_annotation(annotation):
        raise LoadError(
            f'cannot load the {name} function: return annotation "{annotation.__name__}" does not match '
            f'binding type "{binding_type}"'
        )


def _is_typing_generic(annotation: Any) -> bool:
    """`typing.List[str]` and the like; not `list[str]`, unions, tuples: the production worker knows no better."""
    origin = typing.get_origin(annotation)
    outside = (None, typing.Union, tuple, typing.ClassVar, collections.abc.Callable)
    return type(annotation).__module__ == "typing" and origin not in outside

"""The service's refusals: HTTP status, code and wording as the real payloads have them."""

import orjson

_HELP = "https://go.microsoft.com/fwlink/?linkid=2195293"


class ApiError(Exception):
    """A refused request; ``payload()`` is the body that the client gets."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}

    def payload(self) -> bytes:
        return orjson.dumps({"error": {"code": self.code, "message": self.message}})


def bad_payload(set_name: str, inner: str) -> ApiError:
    """Unknown property, wrong JSON type, wrong-case navigation property."""
    return ApiError(
        400,
        "0x80048d19",
        f"Error identified in Payload provided by the user for Entity :'{set_name}', For more information on this "
        f"error please follow this help link {_HELP}  ---->  InnerException : Microsoft.OData.ODataException: {inner}",
    )


def undeclared(set_name: str, name: str, type_name: str) -> ApiError:
    return bad_payload(
        set_name,
        f"The property '{name}' does not exist on type 'Microsoft.Dynamics.CRM.{type_name}'. Make sure to only use "
        "property names that are defined by the type.",
    )


def undeclared_bind(set_name: str, name: str) -> ApiError:
    return bad_payload(
        set_name,
        f"An undeclared property '{name}' which only has property annotations in the payload but no property value "
        "was found in the payload. In OData, only declared navigation properties and declared named streams can be "
        "represented as properties without values.",
    )


def cannot_convert(set_name: str, literal: object, edm: str) -> ApiError:
    return bad_payload(set_name, f"Cannot convert the literal '{literal}' to the expected type 'Edm.{edm}'.")


def unknown_property(name: str, type_name: str) -> ApiError:
    """A name in $select, $filter or $orderby that the table has not got."""
    return ApiError(
        400, "0x80060888", f"Could not find a property named '{name}' on type 'Microsoft.Dynamics.CRM.{type_name}'."
    )


def bad_query(message: str) -> ApiError:
    return ApiError(400, "0x80060888", message)


def no_segment(segment: str) -> ApiError:
    return ApiError(404, "0x8006088a", f"Resource not found for the segment '{segment}'.")


def not_allowed(method: str) -> ApiError:
    return ApiError(405, "0x80060888", f"The requested resource does not support http method '{method}'.")


def not_found(table: str, identity: str) -> ApiError:
    return ApiError(404, "0x80040217", f"{table} With Id = {identity} Does Not Exist")


def key_not_found(table: str) -> ApiError:
    return ApiError(404, "0x80060891", f"A record with the specified key values does not exist in {table} entity")


def bad_key(table: str) -> ApiError:
    return ApiError(
        400,
        "0x8006088a",
        f"The key in the request URI is not valid for resource 'Microsoft.Dynamics.CRM.{table}'. Ensure that the names "
        "and number of key properties match the declared or alternate key properties for the resource.",
    )


def key_not_ready(table: str, key: str) -> ApiError:
    return ApiError(400, "0x80060890", f"The entity key {key} of {table} is not active: its index is still being built")


def duplicate_id() -> ApiError:
    return ApiError(412, "0x80040237", "A record with matching key values already exists.")


def duplicate_key(key: str, columns: str) -> ApiError:
    return ApiError(
        412,
        "0x80060892",
        f"A record that has the attribute values {columns} already exists. The entity key {key} requires that this set "
        "of attributes contains unique values. Select unique values and try again.",
    )


def version_mismatch() -> ApiError:
    return ApiError(
        412,
        "0x80060882",
        "The version of the existing record doesn't match the RowVersion property provided.",
    )


def too_long(column: str, table: str, length: int) -> ApiError:
    return ApiError(
        400,
        "0x80044331",
        f"A validation error occurred.  The length of the '{column}' attribute of the '{table}' entity exceeded the "
        f"maximum allowed length of '{length}'.",
    )


def bad_option(column: str, table: str, accepted: str) -> ApiError:
    return ApiError(
        400,
        "0x8004431a",
        f"A validation error occurred. The value of '{column}' on record of type '{table}' is outside the valid range. "
        f"Accepted Values: {accepted}",
    )


def out_of_range(code: str, column: str, table: str, low: float | None, high: float | None) -> ApiError:
    return ApiError(
        400,
        code,
        f"A validation error occurred. The value of '{column}' on record of type '{table}' is outside the valid range. "
        f"Accepted Values: between {low} and {high}",
    )


def date_too_early(actual: str) -> ApiError:
    return ApiError(
        400,
        "0x80040239",
        f"DateTime is less than minumum value supported by CrmDateTime. Actual value: {actual}, Minimum value "
        "supported: 01/01/1753 00:00:00",
    )


def control_character(column: str) -> ApiError:
    return ApiError(400, "0x80040278", f"Invalid character in field '{column}': a control character is not allowed.")


def required_missing(column: str, table: str) -> ApiError:
    return ApiError(400, "0x80040200", f"Required field '{column}' of '{table}' is missing or was set to null.")


def bad_status(status: int, state: str, table: str, identity: str) -> ApiError:
    return ApiError(
        400,
        "0x80048408",
        f"{status} is not a valid status code for state code {table}State.{state} on {table} with Id {identity}.",
    )


def read_only(table: str, identity: str) -> ApiError:
    return ApiError(
        400, "0x8004022e", f"The {table} with Id {identity} is closed and read-only: it cannot be edited in its state."
    )


def missing_privilege(user: str, privilege: str) -> ApiError:
    return ApiError(403, "0x80040220", f"Principal user (Id={user}, type=8) is missing {privilege} privilege")


def owner_lacks(kind: str, owner: str, privilege: str) -> ApiError:
    who = f"Principal team (Id={owner}, type=9)" if kind == "team" else f"Principal user (Id={owner}, type=8)"
    return ApiError(403, "0x80040231", f"{who} is missing {privilege} privilege")


def user_disabled() -> ApiError:
    return ApiError(403, "0x80040225", "The specified user is either disabled or is not a member of any business unit.")


def referenced(table: str) -> ApiError:
    return ApiError(
        400,
        "0x80040227",
        "The record cannot be deleted because it is associated with another record. It cannot be deleted because it "
        f"is referenced by {table}.",
    )


def no_bulk(message: str, table: str) -> ApiError:
    return ApiError(
        400,
        "0x80040800",
        f"The '{message}' method does not support entities of type '{table}'. MessageProcessorCache returned "
        "MessageProcessor.Empty.",
    )


def customization_running(what: str) -> ApiError:
    return ApiError(
        429,
        "0x80071151",
        f"Cannot start another [{what}] because there is a previous [Import] running at this moment. Use Solution "
        "History for more details.",
    )


def bulk_id(table: str) -> ApiError:
    """A client-chosen id in an environment that is set to refuse it there."""
    return ApiError(400, "0x80040203", f"The primary id of '{table}' cannot be given in CreateMultiple.")


def storage_full() -> ApiError:
    return ApiError(
        507,
        "0x80040216",
        "There is not enough space in the database: the storage capacity of the environment is exceeded.",
    )

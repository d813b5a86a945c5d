"""What moto's CloudFormation lacks of a creation that fails: it is taken back, as far as that goes."""

from moto.cloudformation.models import Event, Stack


def take_back_what_fails() -> None:
    """Delete what a failed creation made, newest first, up to what cannot be deleted; tell of each."""
    create = Stack.create_resources

    def create_or_roll_back(self: Stack) -> None:
        try:
            create(self)
        except Exception as error:
            _roll_back(self, error)

    Stack.create_resources = create_or_roll_back  # type: ignore[method-assign]


def _roll_back(stack: Stack, why: Exception) -> None:
    parsed, asked = stack.resource_map._parsed_resources, stack.resource_map._resource_json_map
    made = {name: one for name, one in parsed.items() if name in asked and one is not None}
    for name, one in made.items():
        _tell(stack, name, one.physical_resource_id, "CREATE_COMPLETE")
    stack._add_stack_event("ROLLBACK_IN_PROGRESS", resource_status_reason=str(why))
    stack.status = "ROLLBACK_COMPLETE"
    for name, one in reversed(made.items()):
        try:
            stack.resource_map._delete_resource(one, asked[name])
        except Exception as error:
            _tell(stack, name, one.physical_resource_id, "DELETE_FAILED", str(error))
            stack.status = "ROLLBACK_FAILED"
            break
        _tell(stack, name, one.physical_resource_id, "DELETE_COMPLETE")
    stack._add_stack_event(stack.status)
    # Asked for, an output would have its resource made after all.
    stack.output_map._output_json_map = {}


def _tell(stack: Stack, name: str, physical: str, status: str, reason: str | None = None) -> None:
    kind = stack.resource_map._resource_json_map[name]["Type"]
    told = Event(stack.stack_id, stack.name, name, physical, kind, status, reason, None)
    stack.events.append(told)

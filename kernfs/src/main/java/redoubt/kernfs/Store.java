package redoubt.kernfs;

/** Takes a new value for an attribute, or refuses it. Runs with an active reference held, on whatever thread writes. */
@FunctionalInterface
public interface Store {

    /** Takes the value whole or not at all. The value is valid during the call only. */
    Outcome store(AttributeValue value);
}

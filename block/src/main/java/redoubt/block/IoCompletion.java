package redoubt.block;

/**
 * Who is told that a request has been settled.
 *
 * <p>Called exactly once a request, on whatever thread settled it: the submitter's own, inside {@link BlockDevice#submit}, or a
 * lane's, or the heartbeat's. It must not block. The request is the callee's again: it reads {@link IoRequest#status()} and in
 * the end calls {@link IoRequest#free()}.
 */
@FunctionalInterface
public interface IoCompletion {

    /** The request ended with {@link IoRequest#status()}. */
    void completed(IoRequest request);
}

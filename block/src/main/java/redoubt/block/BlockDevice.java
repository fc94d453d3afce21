package redoubt.block;

/**
 * Anything that holds blocks: a file, a fake, a remote export, an array.
 *
 * <p>{@link #submit} never blocks and never throws: it completes the request inline where that cannot take long (memory, tmpfs,
 * a page that is cached), and otherwise hands it to the device's lane and returns. Every request is settled exactly once, within
 * the device's time limit where it has one. Requests may be submitted from any thread and complete in any order on any thread.
 * A read that overlaps a write in flight gives old or new bytes, block by block.
 *
 * <p>The contract suite that every implementation passes is {@code redoubt.testkit.BlockDeviceContract}.
 */
public interface BlockDevice extends AutoCloseable {

    /** What the device can do; the same answer while it is open. */
    BlockLimits limits();

    /**
     * Starts a request. The device owns it until it is settled; a range that {@link BlockLimits#admits} refuses is settled
     * {@link IoStatus#INVALID} and touches nothing.
     */
    void submit(IoRequest request);

    /**
     * Gives the device back. Requests not yet started are settled {@link IoStatus#GONE}; a call that hangs is left behind, never
     * waited for. May be called from any thread, more than once.
     */
    @Override
    void close();
}

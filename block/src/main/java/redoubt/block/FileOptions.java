package redoubt.block;

/**
 * How a file or block device is opened. A value: start from {@link #DEFAULTS} and change what differs.
 *
 * @param readOnly never write; every change is answered {@link IoStatus#READ_ONLY}
 * @param timeLimitNanos the age at which a request is given up and the member with it; 0 for never
 * @param way how requests are carried
 * @param threads how many calls can be under way at a time where calls block
 * @param caching whether the kernel's page cache is used
 * @param blockBytes the block to count in, or 0 for the device's own, and 512 for a file
 * @param queueCapacity size of the lane's ring, a power of two; more wait in a list
 * @param lock who else may use the disk meanwhile
 */
public record FileOptions(
        boolean readOnly,
        long timeLimitNanos,
        Way way,
        int threads,
        Caching caching,
        int blockBytes,
        int queueCapacity,
        Lock lock) {

    /** Who else may use the disk meanwhile. */
    public enum Lock {
        /** Nobody. */
        EXCLUSIVE,
        /** Others who only read and say so. */
        SHARED,
        /** Anybody: for a look that promises nothing. */
        NONE
    }

    /** How requests are carried to the operating system. */
    public enum Way {
        /** Inline what cannot block, the rest as suits the disk. */
        AUTOMATIC,
        /** Everything on the lane's threads: works wherever Java does. */
        THREADS,
        /** Through an io_uring, past the page cache; refused where that does not work. */
        URING
    }

    /** Whether data goes through the page cache. */
    public enum Caching {
        /** Files through the page cache, block devices past it where that works. */
        AUTOMATIC,
        /** Through the page cache. */
        BUFFERED,
        /** Past the page cache (O_DIRECT); refused where the file system cannot. */
        DIRECT
    }

    /** Writable, 30 seconds (as the kernel gives a disk), four threads. */
    public static final FileOptions DEFAULTS =
            new FileOptions(false, 30_000_000_000L, Way.AUTOMATIC, 4, Caching.AUTOMATIC, 0, 1024, Lock.EXCLUSIVE);

    /** For a look: read-only, without a lock. */
    public static final FileOptions LOOK = DEFAULTS.withReadOnly(true).withLock(Lock.NONE);

    /** Checks that a device can be opened so. */
    public FileOptions {
        if (timeLimitNanos < 0) {
            throw new IllegalArgumentException("the time limit is negative: " + timeLimitNanos);
        }
        if (threads < 1 || threads > Long.SIZE) {
            throw new IllegalArgumentException("a lane cannot have " + threads + " threads");
        }
        if (blockBytes != 0 && (blockBytes < 512 || blockBytes > 65536 || Integer.bitCount(blockBytes) != 1)) {
            throw new IllegalArgumentException("no disk has blocks of " + blockBytes + " bytes");
        }
        if (queueCapacity < 2 || Integer.bitCount(queueCapacity) != 1) {
            throw new IllegalArgumentException("the capacity of a queue is not a power of two: " + queueCapacity);
        }
        if (!readOnly && lock == Lock.SHARED) {
            throw new IllegalArgumentException("who writes cannot share a disk with those who read");
        }
    }

    /** The same, read-only with a shared lock, or writable with an exclusive one. */
    public FileOptions withReadOnly(boolean changed) {
        Lock fitting = changed ? Lock.SHARED : Lock.EXCLUSIVE;
        return new FileOptions(changed, timeLimitNanos, way, threads, caching, blockBytes, queueCapacity, fitting);
    }

    /** The same with another time limit. */
    public FileOptions withTimeLimitNanos(long changed) {
        return new FileOptions(readOnly, changed, way, threads, caching, blockBytes, queueCapacity, lock);
    }

    /** The same with requests carried in another way. */
    public FileOptions withWay(Way changed) {
        return new FileOptions(readOnly, timeLimitNanos, changed, threads, caching, blockBytes, queueCapacity, lock);
    }

    /** The same with so many threads. */
    public FileOptions withThreads(int changed) {
        return new FileOptions(readOnly, timeLimitNanos, way, changed, caching, blockBytes, queueCapacity, lock);
    }

    /** The same with or without the page cache. */
    public FileOptions withCaching(Caching changed) {
        return new FileOptions(readOnly, timeLimitNanos, way, threads, changed, blockBytes, queueCapacity, lock);
    }

    /** The same with blocks of another size. */
    public FileOptions withBlockBytes(int changed) {
        return new FileOptions(readOnly, timeLimitNanos, way, threads, caching, changed, queueCapacity, lock);
    }

    /** The same with another queue. */
    public FileOptions withQueueCapacity(int changed) {
        return new FileOptions(readOnly, timeLimitNanos, way, threads, caching, blockBytes, changed, lock);
    }

    /** The same with another lock. */
    public FileOptions withLock(Lock changed) {
        return new FileOptions(readOnly, timeLimitNanos, way, threads, caching, blockBytes, queueCapacity, changed);
    }
}

package redoubt.fuse;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The devices of one directory of a mount, as files. They may come and go while it is mounted: a file that went is not found any more, and who has it
 * open gets EIO. No number is given twice.
 *
 * <p>Any thread; reading takes no lock. Field legend. V: replaced whole, under the lock.
 */
public final class FuseFiles {

    /** The longest request that any mount sends. */
    static final int LONGEST_BYTES = 256 << 10;

    private final int longestBytes;
    private final int blockBytesLimit;
    private volatile VolumeFile[] files = {}; // V
    private long nextNumber = Wire.ROOT_NODE + 1; // under the lock

    /**
     * No file yet.
     *
     * @param longestBytes the longest request; every file to come must take it
     * @param blockBytesLimit the largest block that a file to come may have
     */
    public FuseFiles(int longestBytes, int blockBytesLimit) {
        this.longestBytes = Math.max(Wire.PAGE_BYTES, longestBytes / Wire.PAGE_BYTES * Wire.PAGE_BYTES);
        this.blockBytesLimit = Math.max(Wire.PAGE_BYTES, blockBytesLimit);
    }

    static FuseFiles of(List<FuseVolume> volumes) {
        int block = Wire.PAGE_BYTES;
        int longest = LONGEST_BYTES;
        for (FuseVolume volume : volumes) {
            block = Math.max(block, volume.device().limits().blockBytes());
            longest = Math.min(longest, volume.device().limits().maxTransferBytes());
        }
        FuseFiles files = new FuseFiles(longest, block);
        FuseWriters nobodyCares = new FuseWriters(() -> {});
        volumes.forEach(volume -> files.add(volume, nobodyCares));
        return files;
    }

    /**
     * A file more.
     *
     * @param users who is told of those who open it to write
     */
    public synchronized void add(FuseVolume volume, FuseWriters users) {
        if (volume.device().limits().blockBytes() > blockBytesLimit || find(volume.name()) != null) {
            throw new IllegalArgumentException("there is no room for a file '" + volume.name() + "'");
        }
        VolumeFile[] more = java.util.Arrays.copyOf(files, files.length + 1);
        more[files.length] = new VolumeFile(nextNumber++, volume, users);
        files = more;
    }

    /** Takes a file away; one that is not there is no matter. */
    public synchronized void remove(String name) {
        files = java.util.Arrays.stream(files)
                .filter(file -> !file.name.equals(name))
                .toArray(VolumeFile[]::new);
    }

    /** In the order in which they came, and so of their numbers. */
    VolumeFile[] all() {
        return files;
    }

    @Nullable
    VolumeFile find(long number) {
        VolumeFile[] now = files;
        for (int i = 0; i < now.length; i++) {
            if (now[i].number == number) {
                return now[i];
            }
        }
        return null;
    }

    @Nullable
    VolumeFile find(@Nullable String name) {
        for (VolumeFile file : files) {
            if (file.name.equals(name)) {
                return file;
            }
        }
        return null;
    }

    int longestBytes() {
        return longestBytes;
    }

    /** What a buffer must hold: the longest transfer, and the rest of two blocks that it lies in. */
    int bufferBytes() {
        return Exchange.PAYLOAD_AT + longestBytes + 2 * blockBytesLimit;
    }

    long totalBytes() {
        long total = 0;
        for (VolumeFile file : files) {
            total += file.limits.sizeBytes();
        }
        return total;
    }

    /** How often files are open to be written. */
    int writers() {
        int all = 0;
        VolumeFile[] now = files;
        for (int i = 0; i < now.length; i++) {
            all += now[i].writers.get();
        }
        return all;
    }
}

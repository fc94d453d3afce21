package redoubt.assembly;

import java.util.LinkedHashMap;
import java.util.Map;
import redoubt.assembly.content.Content;
import redoubt.metadata.ReadFailed;

/**
 * A disk as a content, with the pages that were read last kept, since arrangements are tried on the same few places again and again. All
 * disks that are looked at together keep four megabytes: a server looks at its disks in a heap of twenty.
 */
final class DiskPages implements Content {

    static final int PAGE_BYTES = 16 << 10;

    private static final int PAGES_LIMIT = 256;
    private static final int PAGES_LEAST = 8;

    private final DiskReads reads;
    private final long size;
    private final int block;
    private final int limit;
    private final Map<Long, byte[]> pages = new LinkedHashMap<>(64, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<Long, byte[]> eldest) {
            return size() > limit;
        }
    };

    /** A disk that is looked at by itself. */
    DiskPages(OpenDisk disk) {
        this(disk, 1);
    }

    /** @param together how many disks are looked at together */
    DiskPages(OpenDisk disk, int together) {
        this.limit = Math.max(PAGES_LEAST, PAGES_LIMIT / together);
        this.reads = disk.reads();
        this.block = disk.device().limits().blockBytes();
        this.size = disk.device().limits().sizeBytes();
    }

    @Override
    public long size() {
        return size;
    }

    @Override
    public byte[] read(long offset, int length) throws ReadFailed {
        if (offset < 0 || length < 0 || offset > size - length) {
            throw new ReadFailed("%d bytes at byte %d are not on the disk".formatted(length, offset));
        }
        byte[] bytes = new byte[length];
        for (int done = 0; done < length; ) {
            long page = (offset + done) / PAGE_BYTES;
            int within = (int) ((offset + done) % PAGE_BYTES);
            int piece = Math.min(length - done, PAGE_BYTES - within);
            System.arraycopy(page(page), within, bytes, done, piece);
            done += piece;
        }
        return bytes;
    }

    private byte[] page(long number) throws ReadFailed {
        byte[] page = pages.get(number);
        if (page == null) {
            long at = number * PAGE_BYTES;
            int length = (int) Math.min(PAGE_BYTES, size - at);
            page = reads.read(at, length - length % block);
            pages.put(number, page);
        }
        return page;
    }

    /** Reads past the pages: for comparing disks from one end to the other. */
    void stream(long offset, byte[] into) throws ReadFailed {
        reads.read(offset, into);
    }
}

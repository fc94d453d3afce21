package redoubt.keeper;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import redoubt.base.Extent;
import redoubt.block.BlockDevice;
import redoubt.block.IoBuffer;
import redoubt.block.IoMemory;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoRequestPool;
import redoubt.metadata.BlockReader;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.Finding;
import redoubt.metadata.MetadataFormat;
import redoubt.metadata.ReadFailed;

/**
 * Reads the metadata of all members at once, without anybody waiting for it: what came is decoded when the last answer has come, each within its
 * member's time limit. A member that cannot be read has nothing to say. Once.
 */
final class MetadataReads {

    private static final int BUFFER_BYTES = 128 * 1024;

    private final List<BlockDevice> disks;
    private final ExternalKeeper.Places places;
    private final IoMemory memory;
    private final IoRequestPool pool;
    private final AtomicInteger open = new AtomicInteger(1);
    private final byte[][] content; // empty where nothing came; each written by one completion, read when open is 0
    private final Runnable ended;

    MetadataReads(List<BlockDevice> disks, ExternalKeeper.Places places, Runnable ended) {
        this.disks = disks;
        this.places = places;
        this.ended = ended;
        this.memory = new IoMemory(new IoMemory.Cut(BUFFER_BYTES, disks.size(), 0));
        this.pool = new IoRequestPool(disks.size());
        this.content = new byte[disks.size()][0];
    }

    /** Begins; {@code ended} comes on the thread that brings the last answer. */
    void begin(long out) {
        for (int disk = 0; disk < disks.size(); disk++) {
            Extent place = whole(disk);
            IoBuffer buffer = memory.take((int) place.length());
            if ((out >>> disk & 1) == 0 && buffer != null && pool.reserve(1)) {
                open.incrementAndGet();
                IoRequest read =
                        pool.take().prepare(IoOperation.READ, place.offset(), place.length(), 0, buffer, 0, this::came);
                read.slot = disk;
                disks.get(disk).submit(read);
            }
            if (buffer != null) {
                buffer.release();
            }
        }
        oneEnded();
    }

    /** All of a disk's metadata lies in one run, at the end of the disk. */
    private Extent whole(int disk) {
        return places.usual(disk).getFirst();
    }

    private void came(IoRequest read) {
        if (read.status().ok()) {
            byte[] bytes = new byte[(int) read.length()];
            IoBuffer buffer = read.buffer();
            MemorySegment.copy(buffer.segment(), ValueLayout.JAVA_BYTE, buffer.position(), bytes, 0, bytes.length);
            content[read.slot] = bytes;
        }
        read.free();
        oneEnded();
    }

    private void oneEnded() {
        if (open.decrementAndGet() == 0) {
            ended.run();
        }
    }

    /** What each disk carries, by its number. After the end. */
    List<Finding> findings(MetadataFormat format) {
        List<Finding> findings = new ArrayList<>();
        for (int disk = 0; disk < disks.size(); disk++) {
            findings.add(finding(format, disk));
        }
        return findings;
    }

    private Finding finding(MetadataFormat format, int disk) {
        byte[] bytes = content[disk];
        if (bytes.length == 0) {
            return new Finding.Absent();
        }
        long from = whole(disk).offset();
        BlockReader reader = (offset, length) -> {
            if (offset < from || offset + length > from + bytes.length) {
                throw new ReadFailed("byte %d is not in the metadata area".formatted(offset));
            }
            return java.util.Arrays.copyOfRange(bytes, (int) (offset - from), (int) (offset - from) + length);
        };
        try {
            DiskGeometry geometry = places.geometry(disk);
            return format.probe(geometry, reader);
        } catch (ReadFailed outside) {
            return new Finding.Absent();
        }
    }
}

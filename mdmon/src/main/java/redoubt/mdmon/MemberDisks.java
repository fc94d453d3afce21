package redoubt.mdmon;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import redoubt.block.BlockDevice;
import redoubt.block.BlockingDisk;
import redoubt.block.IoMemory;
import redoubt.metadata.Bytes;
import redoubt.metadata.Candidate;
import redoubt.metadata.ContainerChoice;
import redoubt.metadata.ContainerMetadata;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.Finding;
import redoubt.metadata.MetadataFormat;
import redoubt.metadata.ReadFailed;
import redoubt.metadata.WriteRound;

/**
 * The disks of a container as the daemon reaches them: through doors. A disk that failed a write is not written again: what it carries may
 * be anything. For one thread at a time.
 */
final class MemberDisks {

    /** Doors have the members' time limit; this one is for an engine that does not answer at all. */
    private static final long ANSWER_LIMIT_NANOS = 60_000_000_000L;

    private static final int BUFFER_BYTES = 128 << 10;

    /**
     * A door.
     *
     * @param serial by which the metadata knows the disk; empty if nobody knows it
     */
    record Door(BlockDevice device, String serial) {}

    private final MetadataFormat format;
    private final List<Door> doors;
    private final List<BlockingDisk> disks = new ArrayList<>();
    private final boolean[] lost;
    private final Consumer<String> complaints;

    /** The doors, by the numbers that the disks have. */
    MemberDisks(MetadataFormat format, List<Door> doors, Consumer<String> complaints) {
        this.format = format;
        this.doors = List.copyOf(doors);
        this.lost = new boolean[doors.size()];
        this.complaints = complaints;
        IoMemory memory = new IoMemory(new IoMemory.Cut(BUFFER_BYTES, doors.size() + 1, 0));
        for (int disk = 0; disk < doors.size(); disk++) {
            disks.add(new BlockingDisk("door " + disk, doors.get(disk).device(), memory, ANSWER_LIMIT_NANOS));
        }
    }

    /** What the disks carry; empty where they carry nothing whole, or contradict each other. */
    Optional<ContainerMetadata> load() {
        List<Candidate> candidates = new ArrayList<>();
        for (int disk = 0; disk < doors.size(); disk++) {
            Optional<String> serial = Optional.of(doors.get(disk).serial())
                    .filter(text -> !text.isEmpty())
                    .map(format::normalSerial);
            DiskGeometry geometry = geometry(disk);
            candidates.add(new Candidate(disk, geometry, serial, finding(disk, geometry)));
        }
        for (ContainerChoice choice : format.choose(candidates)) {
            if (choice instanceof ContainerChoice.Chosen(ContainerMetadata container, var placements)
                    && !container.picture().volumes().isEmpty()) {
                return Optional.of(container);
            }
        }
        return Optional.empty();
    }

    private DiskGeometry geometry(int disk) {
        var limits = doors.get(disk).device().limits();
        return new DiskGeometry(limits.sizeBytes(), limits.blockBytes());
    }

    private Finding finding(int disk, DiskGeometry geometry) {
        try {
            return format.probe(geometry, (offset, length) -> {
                try {
                    return disks.get(disk).read(offset, length);
                } catch (BlockingDisk.Failed failed) {
                    throw new ReadFailed(failed.sentence(), failed);
                }
            });
        } catch (ReadFailed unreadable) {
            return new Finding.Absent();
        }
    }

    /**
     * Writes a round: one disk after another, each flushed, as there is one copy a disk.
     *
     * @return whether it is on at least one disk, and on all that are left
     */
    boolean write(WriteRound round) {
        boolean any = false;
        for (WriteRound.MemberWrites writes : round.members()) {
            if (!lost[writes.disk()]) {
                any |= write(writes);
            }
        }
        return any;
    }

    private boolean write(WriteRound.MemberWrites writes) {
        BlockingDisk disk = disks.get(writes.disk());
        try {
            for (WriteRound.Step step : writes.steps()) {
                switch (step) {
                    case WriteRound.Step.Put(long offset, Bytes bytes) -> disk.write(offset, bytes.toArray());
                    case WriteRound.Step.Flush() -> disk.flush();
                }
            }
            return true;
        } catch (BlockingDisk.Failed failed) {
            lost[writes.disk()] = true;
            complaints.accept(failed.sentence());
            return false;
        }
    }

    /** The serials of disks that failed a write. */
    List<String> lost() {
        List<String> serials = new ArrayList<>();
        for (int disk = 0; disk < lost.length; disk++) {
            if (lost[disk]) {
                serials.add(doors.get(disk).serial());
            }
        }
        return serials;
    }

    void close() {
        doors.forEach(door -> door.device().close());
    }
}

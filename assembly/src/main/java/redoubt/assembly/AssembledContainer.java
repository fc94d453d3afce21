package redoubt.assembly;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import redoubt.base.Heartbeat;
import redoubt.base.Sectors;
import redoubt.base.WorkerFactory;
import redoubt.block.BlockDevice;
import redoubt.block.FileDevice;
import redoubt.block.IoMemory;
import redoubt.block.IoRequestPool;
import redoubt.keeper.ExternalKeeper;
import redoubt.keeper.NativeKeeper;
import redoubt.md.Array;
import redoubt.md.ArrayPlan;
import redoubt.md.Member;
import redoubt.md.MemberState;
import redoubt.md.MetadataKeeper;
import redoubt.metadata.Bytes;
import redoubt.metadata.ContainerMetadata;
import redoubt.metadata.ContainerPicture;
import redoubt.metadata.MetadataFormat;
import redoubt.metadata.MetadataRefused;
import redoubt.metadata.Migration;
import redoubt.metadata.Printable;
import redoubt.metadata.ReadFailed;
import redoubt.metadata.SlotPicture;
import redoubt.metadata.VolumePicture;
import redoubt.metadata.WriteRound;
import redoubt.workqueue.Workqueue;

/**
 * The arrays of one container, with the disks they stand on, the queue on which they change, and the keeper of their metadata. Owns all of
 * these; {@link #stop} gives them back. For control threads; only the arrays themselves are for the data path.
 */
public final class AssembledContainer implements AutoCloseable {

    /**
     * One volume that runs.
     *
     * @param name what users call it, safe to print
     * @param found what is known of it
     * @param array the array
     */
    public record Volume(String name, FoundVolume found, Array array) {}

    /**
     * What a container is built from.
     *
     * @param scan how it was found
     * @param format what its metadata is written in
     * @param metadata its metadata, with the disks by their place in {@code devices}
     * @param devices the disks
     * @param names what users call them
     * @param volumes the volumes that are wanted
     * @param reads how control threads reach the disks
     * @param uneven whether some disk carries something else than {@code metadata}: it missed the last round, or was cut off in it
     */
    record Parts(
            Scan scan,
            MetadataFormat format,
            ContainerMetadata metadata,
            List<BlockDevice> devices,
            List<String> names,
            List<FoundVolume> volumes,
            List<DiskReads> reads,
            boolean uneven) {}

    /** What the container is called where a daemon outside keeps the metadata; its arrays are md126 and downwards, as with mdadm. */
    public static final String CONTAINER_NODE = "md127";

    private static final int BLOCK_BYTES_LIMIT = 65536;

    private final Parts parts;
    private final boolean writable;
    private final Workqueue queue;
    private final @Nullable NativeKeeper keeper;
    private final @Nullable ExternalKeeper external;
    private final List<Volume> volumes;
    private boolean closed;

    private AssembledContainer(
            Parts parts,
            boolean writable,
            Workqueue queue,
            @Nullable NativeKeeper keeper,
            @Nullable ExternalKeeper external,
            List<Volume> volumes) {
        this.external = external;
        this.parts = parts;
        this.writable = writable;
        this.queue = queue;
        this.keeper = keeper;
        this.volumes = List.copyOf(volumes);
    }

    static AssembledContainer build(
            Parts parts,
            AssemblyOptions options,
            Heartbeat heartbeat,
            WorkerFactory workers,
            IoMemory memory,
            Consumer<String> complaints)
            throws AssemblyRefused {
        List<ArrayPlan> plans = new ArrayList<>();
        for (FoundVolume volume : parts.volumes()) {
            plans.add(plan(parts, volume.picture(), options));
        }
        Workqueue queue = Workqueue.orderedMemReclaim(
                "container-" + parts.metadata().picture().uuid(), EngineWaits.OF_CONTAINER_QUEUE, workers);
        List<Volume> volumes = new ArrayList<>();
        for (int i = 0; i < plans.size(); i++) {
            VolumePicture picture = parts.volumes().get(i).picture();
            Array array = new Array(
                    plans.get(i),
                    host -> Levels.personality(picture, host),
                    queue,
                    heartbeat,
                    new IoRequestPool(options.requestsPerArray()),
                    memory);
            volumes.add(new Volume(plans.get(i).name(), parts.volumes().get(i), array));
        }
        NativeKeeper keeper = null;
        ExternalKeeper external = null;
        if (options.writable() && options.daemonDeadlineNanos().isPresent()) {
            external = new ExternalKeeper(
                    new ExternalKeeper.Terms(
                            CONTAINER_NODE, options.daemonDeadlineNanos().getAsLong()),
                    parts.format(),
                    evened(parts),
                    parts.devices(),
                    queue,
                    heartbeat,
                    complaints);
        } else if (options.writable()) {
            keeper = new NativeKeeper(evened(parts), parts.devices(), queue, complaints);
        }
        return new AssembledContainer(parts, options.writable(), queue, keeper, external, volumes);
    }

    /**
     * A keeper leaves out what has not changed since the last round, so every disk must have been in that. Where one was not, all are written
     * whole, one after another, each flushed.
     */
    private static ContainerMetadata evened(Parts parts) throws AssemblyRefused {
        if (!parts.uneven()) {
            return parts.metadata();
        }
        try {
            WriteRound round = parts.metadata().write(Optional.empty());
            for (WriteRound.MemberWrites writes : round.members()) {
                DiskReads disk = parts.reads().get(writes.disk());
                for (WriteRound.Step step : writes.steps()) {
                    switch (step) {
                        case WriteRound.Step.Put(long offset, Bytes bytes) -> disk.write(offset, bytes.toArray());
                        case WriteRound.Step.Flush() -> disk.flush();
                    }
                }
            }
            return round.image();
        } catch (MetadataRefused refused) {
            throw new AssemblyRefused(AssemblyRefused.Reason.NO_ARRAY, refused.sentence());
        } catch (ReadFailed failed) {
            throw new AssemblyRefused(AssemblyRefused.Reason.IO_ERROR, String.valueOf(failed.getMessage()));
        }
    }

    // ---------------------------------------------------------------------------------------------- plans

    private static ArrayPlan plan(Parts parts, VolumePicture volume, AssemblyOptions options) throws AssemblyRefused {
        String name = Printable.of(volume.name());
        long component = Sectors.toBytes(volume.componentSectors());
        long size = Sectors.toBytes(volume.sizeSectors());
        long capacity = Levels.capacity(volume);
        if (size > capacity) {
            throw new AssemblyRefused(
                    AssemblyRefused.Reason.NO_ARRAY,
                    "%s says that it has %d bytes, and its members hold %d: the metadata contradicts itself"
                            .formatted(name, size, capacity));
        }
        List<ArrayPlan.Occupant> occupants = new ArrayList<>();
        int block = parts.metadata().picture().sectorBytes();
        for (SlotPicture slot : volume.slots()) {
            ArrayPlan.Occupant occupant = occupant(parts, slot, options.writable());
            occupants.add(occupant);
            if (occupant.member() != null) {
                block = Math.max(block, occupant.member().device().limits().blockBytes());
            }
        }
        if (block > BLOCK_BYTES_LIMIT || size % block != 0) {
            throw new AssemblyRefused(
                    AssemblyRefused.Reason.NO_ARRAY,
                    "%s has %d bytes, which is no number of its disks' blocks of %d bytes"
                            .formatted(name, size, block));
        }
        boolean known = !volume.dirty()
                && volume.resyncFromSectors().isEmpty()
                && volume.migration().kind() != Migration.Kind.INIT
                && volume.migration().kind() != Migration.Kind.REPAIR;
        return new ArrayPlan(
                name,
                component,
                size,
                block,
                occupants,
                known,
                volume.dirty(),
                !options.writable(),
                options.safeModeDelayNanos(),
                ArrayPlan.MAX_READ_ERRORS,
                options.insisted().contains(Insistence.WRITE_HOLE));
    }

    private static ArrayPlan.Occupant occupant(Parts parts, SlotPicture slot, boolean writable) {
        if (slot.disk().isEmpty()) {
            return new ArrayPlan.Occupant(null, MemberState.MISSING);
        }
        int disk = slot.disk().getAsInt();
        BlockDevice device = parts.devices().get(disk);
        Member member = new Member(
                slot.slot(),
                parts.names().get(disk),
                writable || slot.badBlocks().isEmpty() ? device : new KnownBadBlocks(device, slot.badBlocks()),
                Sectors.toBytes(slot.dataOffsetSectors()));
        return switch (slot.state()) {
            case IN_SYNC -> new ArrayPlan.Occupant(member, MemberState.IN_SYNC);
            case REBUILDING -> new ArrayPlan.Occupant(member, MemberState.SPARE);
            case FAILED -> new ArrayPlan.Occupant(member, MemberState.FAULTY);
            case MISSING -> new ArrayPlan.Occupant(null, MemberState.MISSING);
        };
    }

    // ---------------------------------------------------------------------------------------------- life

    /**
     * Starts all arrays: requests pass from here on. Called once.
     *
     * @param limitNanos how long the metadata may take where it has to be written first
     * @throws AssemblyRefused if it cannot be written; then nothing was started, and the caller closes
     */
    public void start(long limitNanos) throws AssemblyRefused {
        ExternalKeeper outside = external;
        if (outside != null) {
            List<MetadataKeeper> each = new ArrayList<>();
            for (Volume volume : volumes) {
                VolumePicture picture = volume.found().picture();
                each.add(outside.volume(picture.index(), volume.array(), slotOfDisk(picture)));
            }
            for (int i = 0; i < each.size(); i++) {
                volumes.get(i).array().start(each.get(i));
            }
            return;
        }
        NativeKeeper records = keeper;
        if (records == null) {
            volumes.forEach(volume -> volume.array().start(null));
            return;
        }
        List<ActivatingKeeper> keepers = new ArrayList<>();
        for (Volume volume : volumes) {
            VolumePicture picture = volume.found().picture();
            ActivatingKeeper each = new ActivatingKeeper(
                    records, picture.index(), records.volume(picture.index(), volume.array(), slotOfDisk(picture)));
            if (volume.array().plan().markedDirty() && !each.activateNow(limitNanos)) {
                throw new AssemblyRefused(
                        AssemblyRefused.Reason.IO_ERROR,
                        "the members of %s do not take its metadata".formatted(volume.name()));
            }
            keepers.add(each);
        }
        for (int i = 0; i < keepers.size(); i++) {
            volumes.get(i).array().start(keepers.get(i));
        }
    }

    private List<OptionalInt> slotOfDisk(VolumePicture volume) {
        List<OptionalInt> slots =
                new ArrayList<>(Collections.nCopies(parts.devices().size(), OptionalInt.empty()));
        for (SlotPicture slot : volume.slots()) {
            slot.disk().ifPresent(disk -> slots.set(disk, OptionalInt.of(slot.slot())));
        }
        return slots;
    }

    /**
     * Stops all arrays, marks clean what is, and gives the disks back: on return others may lock them, but for those that hang. Returns
     * within the limit, whatever the members do.
     *
     * @return whether everything ended in good order and the metadata says so; a volume that was found dirty is dirty still, as
     *     {@link #picture} tells
     */
    public boolean stop(long limitNanos) {
        long deadline = System.nanoTime() + limitNanos;
        boolean good = true;
        for (Volume volume : volumes) {
            good &= volume.array().stop(Math.max(1, limitNanos / volumes.size()));
        }
        if (good || external != null) { // a daemon is fenced whatever else went wrong
            good &= allRecorded(deadline);
        }
        closed = true;
        queue.close();
        parts.devices().forEach(BlockDevice::close);
        awaitReleased(deadline);
        return good;
    }

    /** What one volume's last mark met may be for another one to record: the keeper has to be done with all of it. */
    private boolean allRecorded(long deadline) {
        NativeKeeper records = keeper;
        ExternalKeeper outside = external;
        try {
            if (outside != null) {
                return outside.close(deadline - System.nanoTime());
            }
            return records == null || records.awaitIdle(deadline - System.nanoTime());
        } catch (InterruptedException hurried) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /** A closed file is given back by its lane's own threads, a moment later; one whose lane was abandoned, perhaps never. */
    private void awaitReleased(long deadline) {
        try {
            for (BlockDevice device : parts.devices()) {
                long left = deadline - System.nanoTime();
                if (left > 0 && device instanceof FileDevice file && !file.hung()) {
                    file.awaitReleased(left);
                }
            }
        } catch (InterruptedException hurried) {
            Thread.currentThread().interrupt();
        }
    }

    /** Gives everything back without waiting for anything: what {@link #stop} did not do is not done. */
    @Override
    public void close() {
        if (!closed) {
            stop(1);
        }
    }

    // ---------------------------------------------------------------------------------------------- what others see

    /** The volumes that were wanted and can be had. */
    public List<Volume> volumes() {
        return volumes;
    }

    /** The volume of this name or UUID; the empty name is the first volume. */
    public Optional<Volume> volume(String name) {
        return volumes.stream()
                .filter(volume -> name.isEmpty()
                        || volume.name().equals(name)
                        || volume.found().picture().uuid().toString().equals(name))
                .findFirst();
    }

    /** The disks on which they stand. */
    public List<BlockDevice> devices() {
        return List.copyOf(parts.devices());
    }

    /** What users call these disks, in the same order. */
    public List<String> diskNames() {
        return List.copyOf(parts.names());
    }

    /** How the disks were found. */
    public Scan scan() {
        return parts.scan();
    }

    /** Whether its volumes may be written. */
    public boolean writable() {
        return writable;
    }

    /** The container as its metadata says it is now. */
    public ContainerPicture picture() {
        NativeKeeper records = keeper;
        ExternalKeeper outside = external;
        if (outside != null) {
            return outside.metadata().picture();
        }
        return (records == null ? parts.metadata() : records.metadata()).picture();
    }

    /** Through whom a daemon outside keeps the metadata; empty where none is to. */
    public Optional<ExternalKeeper> external() {
        return Optional.ofNullable(external);
    }

    /** Who keeps the metadata in the engine; empty where nobody does. */
    public Optional<NativeKeeper> keeper() {
        return Optional.ofNullable(keeper);
    }

    /** The ordered queue that the arrays share. */
    public Workqueue queue() {
        return queue;
    }
}

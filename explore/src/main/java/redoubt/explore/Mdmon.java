package redoubt.explore;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import redoubt.base.Extent;
import redoubt.block.IoBuffer;
import redoubt.block.IoMemory;
import redoubt.block.IoOperation;
import redoubt.block.IoRequestPool;
import redoubt.keeper.ExternalKeeper;
import redoubt.keeper.Incarnation;
import redoubt.kernfs.Access;
import redoubt.kernfs.KernfsDirectory;
import redoubt.kernfs.NodeRefused;
import redoubt.kernfs.OpenFile;
import redoubt.metadata.Bytes;
import redoubt.metadata.ContainerMetadata;
import redoubt.metadata.MetadataEvent;
import redoubt.metadata.MetadataRefused;
import redoubt.metadata.WriteRound;

/**
 * The metadata daemon outside, in the roles of mdmon's monitor: waits for {@code array_state} to be notified, reads it, writes the metadata through its
 * doors, and then stores. Between any two of these others may go first. It ignores what becomes of its stores, as mdmon does.
 */
final class Mdmon {

    /** Metadata on its way to a disk. */
    private record Put(int disk, long offset, Bytes content) {}

    private static final int PID = 812;
    private static final int BUFFER_BYTES = 128 * 1024;

    private final Stage stage;
    private final Story.Memory memory;
    private final ExternalKeeper keeper;
    private final Incarnation incarnation;
    private final OpenFile arrayState;
    private final IoMemory buffers = new IoMemory(new IoMemory.Cut(BUFFER_BYTES, 1, 0));
    private final IoRequestPool requests = new IoRequestPool(1);
    private final Stage.Task task;
    private final ArrayDeque<Put> puts = new ArrayDeque<>(); // what is left to write
    private ContainerMetadata metadata;
    private String state = "";
    private Cell.Daemon fares = Cell.Daemon.WELL;

    Mdmon(
            Stage stage,
            Story.Memory memory,
            ExternalKeeper keeper,
            KernfsDirectory root,
            Incarnation incarnation,
            ContainerMetadata metadata)
            throws NodeRefused {
        this.stage = stage;
        this.memory = memory;
        this.keeper = keeper;
        this.incarnation = incarnation;
        this.metadata = metadata;
        arrayState = root.attribute(Story.ARRAY + "/md/array_state").open(Access.READ_WRITE);
        task = stage.spawn("mdmon", PID, this::run);
    }

    /** From now on it fares like this. */
    void fare(Cell.Daemon how) {
        fares = how;
    }

    Stage.Task task() {
        return task;
    }

    private void run() {
        for (int disk = 0; disk < incarnation.doors(); disk++) {
            Extent area = keeper.metadataArea(disk);
            move(IoOperation.READ, disk, area.offset(), null, (int) area.length());
            stage.pause();
        }
        while (true) {
            waitAndAct();
        }
    }

    private void waitAndAct() {
        poll();
        switch (fares) {
            case WELL -> {}
            case ALLOCATES -> memory.allocate();
            case HELD -> taskWorkRun();
            case STOPPED -> stage.hold("SIGCONT", () -> false);
        }
        state = readState();
        stage.note("reads " + state);
        stage.pause();
        try {
            switch (state) {
                case "write-pending" -> {
                    record(metadata.apply(new MetadataEvent.MarkDirty(0)));
                    store("active");
                }
                case "readonly" -> {
                    record(metadata.apply(new MetadataEvent.VolumeActivated(0)));
                    store("read-auto");
                }
                default -> {}
            }
        } catch (MetadataRefused impossible) {
            throw new IllegalStateException("the daemon's metadata takes no mark", impossible);
        }
    }

    private void poll() {
        stage.hold("array_state", () -> isStopped() || (arrayState.poll() & OpenFile.POLL_PRI) != 0);
    }

    private boolean isStopped() {
        return fares == Cell.Daemon.STOPPED;
    }

    /** On the way back to user space a work item of the task takes a lock, whose holder waits for memory. */
    private void taskWorkRun() {
        memory.allocate();
    }

    private void record(ContainerMetadata now) throws MetadataRefused {
        if (now.sameOnDisk(metadata)) {
            return;
        }
        WriteRound round = now.write(Optional.empty());
        metadata = round.image();
        for (WriteRound.MemberWrites writes : round.members()) {
            for (WriteRound.Step step : writes.steps()) {
                if (step instanceof WriteRound.Step.Put(long offset, Bytes bytes)) {
                    puts.add(new Put(writes.disk(), offset, bytes));
                }
            }
        }
        Put put;
        while ((put = puts.poll()) != null) {
            byte[] content = put.content().toArray();
            move(IoOperation.WRITE, put.disk(), put.offset(), content, content.length);
            stage.note("writes metadata on disk " + put.disk());
            stage.pause();
        }
    }

    private void store(String word) {
        int taken = arrayState.write(ByteBuffer.wrap(word.getBytes(StandardCharsets.UTF_8)));
        stage.note("stores " + word + (taken == OpenFile.REFUSED ? ", which is refused" : ""));
    }

    private String readState() {
        ByteBuffer target = ByteBuffer.allocate(64);
        return arrayState.read(0, target) == OpenFile.REFUSED
                ? ""
                : StandardCharsets.UTF_8.decode(target.flip()).toString().strip();
    }

    private void move(IoOperation operation, int disk, long offset, byte @Nullable [] content, int length) {
        IoBuffer buffer = buffers.take(length);
        if (buffer == null || !requests.reserve(1)) {
            throw new IllegalStateException("one request at a time");
        }
        if (content != null) {
            MemorySegment.copy(content, 0, buffer.segment(), ValueLayout.JAVA_BYTE, buffer.position(), length);
        }
        incarnation
                .door(disk)
                .submit(requests.take().prepare(operation, offset, length, 0, buffer, 0, settled -> settled.free()));
        buffer.release();
    }
}

package redoubt.keeper;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import redoubt.block.BlockDevice;
import redoubt.md.Array;
import redoubt.md.MetadataKeeper;
import redoubt.metadata.ContainerMetadata;
import redoubt.metadata.MetadataEvent;
import redoubt.metadata.MetadataRefused;
import redoubt.metadata.SlotPicture;
import redoubt.metadata.SlotState;
import redoubt.metadata.WriteRound;
import redoubt.workqueue.WorkItem;
import redoubt.workqueue.Workqueue;

/**
 * Keeps the metadata of a container inside the engine: what Linux leaves to mdmon, without the process in between.
 *
 * <p><b>Rounds.</b> Events are gathered while a round of writes is under way and all go into the next one, so none is lost and none
 * overtakes another. A round writes the members one after another, each flushed before the next is touched ({@link MemberWriter}): there
 * is one copy of the metadata a disk, and a power cut may then tear at most one. Before a round that marks a volume clean, all members
 * that it calls in sync are flushed, so that <em>clean</em> is never durable before the data it speaks of. If one of them cannot, nothing of the round is
 * written: a survivor that said clean would still count in the member whose data is lost. Until the failure of every disk that was lost
 * is in the metadata, its volumes are not marked clean; who asked is told no, and asks again.
 *
 * <p><b>A member that cannot be written</b> is reported to every array that it belongs to, and the round goes on with the next; the arrays
 * answer with {@link MetadataKeeper#recordFailure}, which is the next round. Until that is durable the arrays acknowledge nothing.
 *
 * <p><b>Threads.</b> Everything here runs on the container's ordered queue, except {@link #post}, which hands over to it. Nothing blocks:
 * writes are submitted and come back as steps.
 */
public final class NativeKeeper {

    /** An event that waits for its round. */
    private record Waiting(MetadataEvent event, MetadataKeeper.Answer answer) {}

    /** An array of the container, its number in the metadata, and which of its slots each disk has, where it has one. */
    private record Volume(int index, Array array, List<OptionalInt> slotOfDisk) {}

    private final Workqueue queue;
    private final MemberWriter writer;
    private final Consumer<String> complaints;
    private final List<Volume> volumes = new ArrayList<>();
    private final ConcurrentLinkedQueue<Waiting> posted = new ConcurrentLinkedQueue<>();
    private final WorkItem takePosted = new WorkItem(this::takePosted);

    private ContainerMetadata onDisk;
    private ArrayDeque<Waiting> waiting = new ArrayDeque<>();
    private ArrayDeque<Waiting> underWay = new ArrayDeque<>();
    private boolean writing;
    private final List<CountDownLatch> awaitingIdle = new ArrayList<>();
    private volatile ContainerMetadata published;

    /**
     * Makes the keeper of a container.
     *
     * @param onDisk what the disks carry now
     * @param disks the container's disks, by the number under which {@code onDisk} knows them
     * @param queue the ordered queue that the container's arrays share
     * @param complaints is told, in a sentence, what could not be recorded
     */
    public NativeKeeper(
            ContainerMetadata onDisk, List<BlockDevice> disks, Workqueue queue, Consumer<String> complaints) {
        this(onDisk, disks, queue, complaints, 0, new AtomicLong());
    }

    /** The keeper of a container of which some disks are lost; see {@link MemberWriter} for the last two. */
    NativeKeeper(
            ContainerMetadata onDisk,
            List<BlockDevice> disks,
            Workqueue queue,
            Consumer<String> complaints,
            long alreadyLost,
            AtomicLong changes) {
        this.onDisk = onDisk;
        this.published = onDisk;
        this.queue = queue;
        this.complaints = complaints;
        this.writer = new MemberWriter(disks, queue, this::diskLost, alreadyLost, changes);
    }

    /** Whether everything is recorded that was asked for. On the queue. */
    boolean isIdle() {
        return !writing && waiting.isEmpty();
    }

    /**
     * The keeper of one volume. Called once a volume, before its array is started.
     *
     * @param volume the volume's number in the metadata
     * @param slotOfDisk for each disk of the container the slot that it has in this volume, where it has one
     */
    public MetadataKeeper volume(int volume, Array array, List<OptionalInt> slotOfDisk) {
        volumes.add(new Volume(volume, array, List.copyOf(slotOfDisk)));
        return new MetadataKeeper() {
            @Override
            public void markDirty(Answer answer) {
                record(new MetadataEvent.MarkDirty(volume), answer);
            }

            @Override
            public void markClean(Answer answer) {
                record(new MetadataEvent.MarkClean(volume), answer);
            }

            @Override
            public void recordFailure(int slot, Answer answer) {
                record(new MetadataEvent.MemberFailed(volume, slot), answer);
            }
        };
    }

    /** The metadata as it was after the last round. Any thread. */
    public ContainerMetadata metadata() {
        return published;
    }

    /** Has an event recorded; the answer comes on the queue. Any thread. */
    public void post(MetadataEvent event, MetadataKeeper.Answer answer) {
        posted.add(new Waiting(event, answer));
        queue.queue(takePosted);
    }

    /**
     * Waits until everything is recorded that was asked for, and what came of that. For control threads, once nothing new is asked.
     *
     * @return whether it is
     */
    public boolean awaitIdle(long limitNanos) throws InterruptedException {
        CountDownLatch idle = new CountDownLatch(1);
        queue.queue(new WorkItem(() -> lookWhetherIdle(idle)));
        return idle.await(limitNanos, TimeUnit.NANOSECONDS);
    }

    private void lookWhetherIdle(CountDownLatch idle) {
        if (writing || !waiting.isEmpty()) {
            awaitingIdle.add(idle);
        } else {
            idle.countDown();
        }
    }

    /** Looks again behind the steps that this round has set off: a failure that it met is still to be recorded. */
    private void lookAgain() {
        for (CountDownLatch idle : awaitingIdle) {
            queue.queue(new WorkItem(() -> lookWhetherIdle(idle)));
        }
        awaitingIdle.clear();
    }

    private void takePosted() {
        Waiting next;
        while ((next = posted.poll()) != null) {
            record(next.event, next.answer);
        }
    }

    /** Has an event recorded. On the queue. */
    void record(MetadataEvent event, MetadataKeeper.Answer answer) {
        waiting.add(new Waiting(event, answer));
        if (!writing) {
            beginRound();
        }
    }

    private void beginRound() {
        writing = true;
        ArrayDeque<Waiting> taken = waiting;
        waiting = underWay;
        underWay = taken;
        ContainerMetadata next = onDisk;
        BitSet cleaned = new BitSet();
        List<Waiting> refused = new ArrayList<>();
        for (Waiting each : underWay) {
            if (each.event instanceof MetadataEvent.MarkClean(int volume)) {
                if (countsInALostDisk(next, volume)) {
                    refused.add(each);
                    continue;
                }
                cleaned.set(volume);
            }
            try {
                next = next.apply(each.event);
            } catch (MetadataRefused refusal) {
                complaints.accept(refusal.getMessage());
                refused.add(each);
            }
        }
        underWay.removeAll(refused);
        refused.forEach(each -> each.answer.recorded(false));
        if (next == onDisk) {
            endRound(!writer.allLost());
            return;
        }
        try {
            WriteRound round = next.write(Optional.of(onDisk));
            writer.write(round, disksInSync(next, cleaned), how -> roundEnded(round, how));
        } catch (MetadataRefused refusal) {
            complaints.accept(refusal.getMessage());
            endRound(false);
        }
    }

    /** The disks that these volumes call in sync. Who is out of them has nothing that anybody counts on, and may hang. */
    private BitSet disksInSync(ContainerMetadata next, BitSet indices) {
        BitSet disks = new BitSet();
        for (Volume volume : volumes) {
            List<SlotPicture> slots = next.picture().volumes().get(volume.index).slots();
            for (int disk = 0; indices.get(volume.index) && disk < volume.slotOfDisk.size(); disk++) {
                OptionalInt slot = volume.slotOfDisk.get(disk);
                if (slot.isPresent() && slots.get(slot.getAsInt()).state() == SlotState.IN_SYNC) {
                    disks.set(disk);
                }
            }
        }
        return disks;
    }

    /** Whether the volume still calls a slot in sync whose disk the writer has lost: what was written to it may not be there. */
    private boolean countsInALostDisk(ContainerMetadata next, int index) {
        List<SlotPicture> slots = next.picture().volumes().get(index).slots();
        for (Volume volume : volumes) {
            for (int disk = 0; volume.index == index && disk < volume.slotOfDisk.size(); disk++) {
                OptionalInt slot = volume.slotOfDisk.get(disk);
                if (writer.isLost(disk)
                        && slot.isPresent()
                        && slots.get(slot.getAsInt()).state() == SlotState.IN_SYNC) {
                    return true;
                }
            }
        }
        return false;
    }

    private void roundEnded(WriteRound round, MemberWriter.Outcome how) {
        switch (how) {
            case WRITTEN -> {
                onDisk = round.image();
                published = onDisk;
                spreadFailures();
                endRound(true);
            }
            case NOWHERE -> {
                complaints.accept("No member is left that takes metadata.");
                endRound(false);
            }
            case DATA_NOT_DURABLE -> {
                while (!underWay.isEmpty()) {
                    waiting.addFirst(underWay.removeLast());
                }
                beginRound();
            }
        }
    }

    /** A disk is failed for the whole container: a volume that it did not fail loses it too (mdmon, monitor.c, reconcile_failed). */
    private void spreadFailures() {
        for (Volume volume : volumes) {
            for (SlotPicture slot : onDisk.picture().volumes().get(volume.index).slots()) {
                if (slot.state() == SlotState.FAILED && volume.array.view().inSync(slot.slot())) {
                    volume.array.failMember(slot.slot());
                }
            }
        }
    }

    private void endRound(boolean durable) {
        List<Waiting> answered = List.copyOf(underWay);
        underWay.clear();
        writing = false;
        answered.forEach(each -> each.answer.recorded(durable));
        if (!writing && !waiting.isEmpty()) {
            beginRound();
        }
        if (!writing) {
            lookAgain();
        }
    }

    private void diskLost(int disk) {
        for (Volume volume : volumes) {
            volume.slotOfDisk.get(disk).ifPresent(volume.array::failMember);
        }
    }
}

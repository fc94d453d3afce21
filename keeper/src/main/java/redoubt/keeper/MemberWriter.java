package redoubt.keeper;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntConsumer;
import redoubt.block.BlockDevice;
import redoubt.block.IoBuffer;
import redoubt.block.IoCompletion;
import redoubt.block.IoMemory;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoRequestPool;
import redoubt.metadata.Bytes;
import redoubt.metadata.WriteRound;
import redoubt.metadata.WriteRound.Step;
import redoubt.workqueue.WorkItem;
import redoubt.workqueue.Workqueue;

/**
 * Carries out one round of metadata writes at a time: member after member, step after step, each awaited as an event. A member that fails a
 * step, or does not answer within its time limit, is lost: the rest of its steps is left out, now and in every later round.
 *
 * <p>It has requests and memory of its own, enough for every member to hang once with one of each. Runs on the container's queue; a
 * completion on another thread only takes note and queues the next step.
 */
final class MemberWriter {

    private static final int BUFFER_BYTES = 128 * 1024;

    /** How a round ended. */
    enum Outcome {
        /** At least one member took it, and it is durable on all that are left. */
        WRITTEN,
        /** No member took it. */
        NOWHERE,
        /** A member could not make its data durable: nothing was written to any. */
        DATA_NOT_DURABLE
    }

    /** Who is told that a round is over. */
    interface RoundEnd {
        void ended(Outcome how);
    }

    private final List<BlockDevice> disks;
    private final IntConsumer lost;
    private final boolean[] lostDisks;
    private final IoMemory memory;
    private final IoRequestPool pool;
    private final Workqueue queue;
    private final WorkItem advance = new WorkItem(this::advance);
    private final IoCompletion ended = this::ended;
    private final AtomicInteger open = new AtomicInteger();
    private final AtomicLong changes;
    private final boolean[] failedNow; // written by completions, read when open is 0

    private List<WriteRound.MemberWrites> members = List.of();
    private RoundEnd end = how -> {};
    private boolean flushing; // all data, before the first byte of the round
    private int member;
    private int step;
    private int membersWritten;

    MemberWriter(List<BlockDevice> disks, Workqueue queue, IntConsumer lost) {
        this(disks, queue, lost, 0, new AtomicLong());
    }

    /**
     * Makes a writer.
     *
     * @param alreadyLost disks that are not to be written: bit k is disk k
     * @param changes raised when a round begins and when it has ended: odd while the disks may differ
     */
    MemberWriter(List<BlockDevice> disks, Workqueue queue, IntConsumer lost, long alreadyLost, AtomicLong changes) {
        this.changes = changes;
        this.disks = List.copyOf(disks);
        this.queue = queue;
        this.lost = lost;
        this.lostDisks = new boolean[disks.size()];
        this.failedNow = new boolean[disks.size()];
        for (int disk = 0; disk < lostDisks.length; disk++) {
            lostDisks[disk] = (alreadyLost >>> disk & 1) != 0;
        }
        this.memory = new IoMemory(new IoMemory.Cut(BUFFER_BYTES, disks.size() + 1, 0));
        this.pool = new IoRequestPool(2 * disks.size() + 2);
    }

    boolean isLost(int disk) {
        return lostDisks[disk];
    }

    boolean allLost() {
        for (boolean one : lostDisks) {
            if (!one) {
                return false;
            }
        }
        return true;
    }

    /**
     * Writes a round.
     *
     * @param flushFirst whose data must be durable before the first byte is written, by disk; if one of them cannot, nothing is
     */
    void write(WriteRound round, BitSet flushFirst, RoundEnd end) {
        changes.incrementAndGet();
        this.members = round.members();
        this.end = end;
        member = 0;
        step = 0;
        membersWritten = 0;
        flushing = !flushFirst.isEmpty();
        if (flushing) {
            flushData(flushFirst);
        } else {
            queue.queue(advance);
        }
    }

    private void flushData(BitSet wanted) {
        List<Integer> present = new ArrayList<>();
        for (int disk = 0; disk < disks.size(); disk++) {
            if (wanted.get(disk) && !lostDisks[disk]) {
                present.add(disk);
            }
        }
        open.set(present.size() + 1);
        for (int disk : present) {
            send(disk, IoOperation.FLUSH, 0, Bytes.empty());
        }
        if (open.decrementAndGet() == 0) {
            queue.queue(advance);
        }
    }

    /** The step on the queue: takes note of what failed, and sends what comes next. */
    private void advance() {
        if (open.get() != 0) {
            return;
        }
        boolean flushed = flushing;
        flushing = false;
        if (takeLosses() && flushed) {
            endRound(Outcome.DATA_NOT_DURABLE);
            return;
        }
        while (member < members.size()) {
            WriteRound.MemberWrites writes = members.get(member);
            if (lostDisks[writes.disk()]) {
                nextMember();
            } else if (step < writes.steps().size()) {
                carryOut(writes.disk(), writes.steps().get(step++));
                return;
            } else {
                membersWritten++;
                nextMember();
            }
        }
        endRound(membersWritten > 0 ? Outcome.WRITTEN : Outcome.NOWHERE);
    }

    /** Whether there were any. */
    private boolean takeLosses() {
        boolean any = false;
        for (int disk = 0; disk < failedNow.length; disk++) {
            if (failedNow[disk]) {
                failedNow[disk] = false;
                lostDisks[disk] = true;
                any = true;
                lost.accept(disk);
            }
        }
        return any;
    }

    private void endRound(Outcome how) {
        RoundEnd whoWaits = end;
        members = List.of();
        changes.incrementAndGet();
        whoWaits.ended(how);
    }

    private void nextMember() {
        member++;
        step = 0;
    }

    private void carryOut(int disk, Step what) {
        open.set(1);
        switch (what) {
            case Step.Put(long offsetBytes, Bytes bytes) -> send(disk, IoOperation.WRITE, offsetBytes, bytes);
            case Step.Flush() -> send(disk, IoOperation.FLUSH, 0, Bytes.empty());
        }
    }

    private void send(int disk, IoOperation operation, long offset, Bytes bytes) {
        IoBuffer buffer = operation == IoOperation.WRITE ? memory.take(bytes.length()) : null;
        if (!pool.reserve(1)) {
            throw new IllegalStateException("more metadata requests hang than there are members");
        }
        IoRequest request = pool.take();
        request.prepare(operation, offset, bytes.length(), 0, buffer, 0, ended);
        request.slot = disk;
        if (buffer != null) {
            MemorySegment.copy(
                    MemorySegment.ofArray(bytes.toArray()),
                    ValueLayout.JAVA_BYTE,
                    0,
                    buffer.segment(),
                    ValueLayout.JAVA_BYTE,
                    buffer.position(),
                    bytes.length());
            buffer.release(); // the request holds it
        }
        disks.get(disk).submit(request);
    }

    private void ended(IoRequest request) {
        if (!request.status().ok()) {
            failedNow[request.slot] = true;
        }
        request.free();
        if (open.decrementAndGet() == 0) {
            queue.queue(advance);
        }
    }
}

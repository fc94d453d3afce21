package redoubt.personality;

import org.jspecify.annotations.Nullable;
import redoubt.base.Bug;
import redoubt.block.IoBuffer;
import redoubt.block.IoCompletion;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoStatus;
import redoubt.md.Array;
import redoubt.md.ArrayView;
import redoubt.md.Member;
import redoubt.md.PersonalityHost;

/**
 * A workplace, made at start: what one operation on one band needs. Memory for the band of every strip, room to note what is done, and the
 * right to {@link #childrenLimit} children.
 *
 * <p>An operation reads, computes, writes and ends; for a part that reads it is over after the computing. Each step begins when all
 * children of the one before have ended, on the thread of the last of them. While it sends children the work counts as one more of them, so
 * that a child which ends inside {@code submit} is never the last: nothing recurses, whatever the members do.
 *
 * <p>The ends of the children are collected on the {@code carrier}, a request that never goes anywhere, and told to the parent of every
 * part that was joined: a failure is everybody's, as parity is.
 *
 * <p>Confined to the thread that carries it on; the count of the carrier's children publishes it to the next.
 */
final class StripeWork {

    private static final Bug RESTS = Bug.of("a work that rests sends children");

    private static final int NO_SLOT = -1;

    /** A child's {@link IoRequest#cookie} where its memory is the parent's. */
    private static final long PARENTS_MEMORY = -1;

    final int number;
    private final Stripes stripes;
    private final PersonalityHost host;
    private final ParityLayout layout;
    private final Parity parity;
    private final StripeMemory memory;
    private final BandPieces pieces;
    private final long slots;
    private final long[] sources;
    private final IoRequest carrier = Stripes.carrier(this);
    private final IoCompletion childEnded = this::childEnded;

    /** The next work in the list of those that lack memory; belongs to that list. */
    @Nullable
    StripeWork nextMaimed;

    private @Nullable BandHead head; // whose owner this work is for
    private @Nullable ArrayView view;
    private long sound;
    private boolean serving; // a part that reads
    private boolean writing; // the step
    private WriteMethod method = WriteMethod.IMPOSSIBLE;
    private int parityOn; // its slot
    private long
            toRead; // slots whose strips are read into our memory, from readLow to readHigh or where they are touched
    private int readLow; // in bytes from the strip's start, as all places
    private int readHigh;
    private int target; // the slot whose strip is made from the others for a reading parent, or NO_SLOT
    private int taken; // children
    private long failed;
    private @Nullable IoStatus refusal;

    StripeWork(int number, Stripes stripes, PersonalityHost host, ParityLayout layout, StripeMemory memory) {
        this.number = number;
        this.stripes = stripes;
        this.host = host;
        this.layout = layout;
        this.parity = Parity.best();
        this.memory = memory;
        this.slots = -1L >>> (Long.SIZE - layout.slots());
        this.sources = new long[layout.slots()];
        this.pieces = new BandPieces(layout, memory.zeroes().address());
    }

    /** The most children of one operation: each strip is read at most twice, for the parent and for us, or read once and written once. */
    static int childrenLimit(int slots) {
        return 2 * slots;
    }

    // ---------------------------------------------------------------------------------------------- the steps

    /**
     * Takes up the oldest part of a head, and all that can be joined with it. The caller owns the head.
     *
     * @return whether the operation has ended already; otherwise it is out of the caller's hands
     */
    boolean start(BandHead owned, IoRequest oldest) {
        ArrayView now = host.view();
        head = owned;
        view = now;
        sound = host.soundSlots() & now.inSyncSlots();
        failed = 0;
        refusal = null;
        taken = 0;
        target = NO_SLOT;
        writing = false;
        owned.remove(null, oldest);
        pieces.add(oldest);
        memory.begin(BandPieces.low(layout, oldest));
        parityOn = layout.parity(pieces.stripe());
        serving = oldest.operation() == IoOperation.READ;
        boolean possible = serving ? planReading(oldest, now) : planWriting(now);
        if (!possible) {
            refusal = IoStatus.IO_ERROR;
            finish();
            return true;
        }
        return sendReads() && proceed();
    }

    /** All children of a step have ended; answers whether the operation has, too. */
    private boolean proceed() {
        takeNote();
        if (!writing && nothingFailed()) {
            compute();
            writing = true;
            if (!serving) {
                if (!sendWrites()) {
                    return false;
                }
                takeNote();
            }
        }
        finish();
        return true;
    }

    private void takeNote() {
        failed |= carrier.failedSlots();
        IoStatus how = carrier.childrenStatus();
        if (!how.ok()) {
            refusal = how;
        }
    }

    private boolean nothingFailed() {
        return failed == 0 && refusal == null;
    }

    /** Gives the work back before it settles the parts: what they set off may need it. */
    private void finish() {
        IoRequest parts = pieces.parts();
        long failedSlots = failed;
        IoStatus how = refusal;
        boolean inDoubt = memory.parentsInDoubt();
        view = null;
        head = null;
        pieces.clear();
        stripes.giveBack(this, childrenLimit(layout.slots()) - taken);
        Stripes.settle(parts, failedSlots, how, inDoubt);
    }

    private void childEnded(IoRequest child) {
        if (child.inQuarantine()) {
            if (child.cookie != PARENTS_MEMORY) {
                memory.strand((int) child.cookie);
            } else if (child.operation() == IoOperation.READ) {
                memory.strandParents();
            }
        }
        BandHead mine = head;
        boolean last = host.childEnded(carrier, child, child.slot);
        child.free();
        if (last && mine != null && proceed()) {
            stripes.carry(mine);
        }
    }

    // ---------------------------------------------------------------------------------------------- a part that writes

    private boolean planWriting(ArrayView now) {
        boolean withParity = (sound >>> parityOn & 1) != 0;
        if (withParity) {
            // Without parity joining wins nothing, and a strip with a gap in it would have to be read.
            join();
        }
        method = now.broken() ? WriteMethod.IMPOSSIBLE : choose(sound & ~pieces.avoided(), now);
        if (method == WriteMethod.IMPOSSIBLE && pieces.avoided() != 0 && !now.broken()) {
            // What could not be read elsewhere may be read here.
            method = choose(sound, now);
        }
        readLow = pieces.low();
        readHigh = pieces.high();
        long parityBit = 1L << parityOn;
        toRead = switch (method) {
            case WITHOUT_PARITY, IMPOSSIBLE -> 0;
            case MODIFY -> pieces.touched() | parityBit;
            case RECONSTRUCT -> slots & ~parityBit & ~pieces.covered();
            case REBUILD -> slots & ~(1L << target);
        };
        return method != WriteMethod.IMPOSSIBLE;
    }

    private WriteMethod choose(long readable, ArrayView now) {
        WriteMethod chosen = WriteMethod.choose(
                parityOn,
                slots,
                sound,
                readable,
                pieces.touched(),
                pieces.covered(),
                pieces.touchedBytes(),
                pieces.high() - pieces.low(),
                now.redundancyKnown());
        target = chosen == WriteMethod.REBUILD ? Long.numberOfTrailingZeros(slots & ~readable) : NO_SLOT;
        return chosen;
    }

    /** Takes along every pending write to the same band that overlaps what we have or goes on from it. */
    private void join() {
        BandHead mine = head;
        boolean grew = mine != null;
        while (grew && mine != null) {
            grew = false;
            IoRequest before = null;
            IoRequest part = mine.first();
            while (part != null) {
                IoRequest younger = part.next;
                if (joins(part)) {
                    mine.remove(before, part);
                    pieces.add(part);
                    grew = true;
                } else {
                    before = part;
                }
                part = younger;
            }
        }
    }

    private boolean joins(IoRequest part) {
        IoOperation operation = part.operation();
        if ((operation != IoOperation.WRITE && operation != IoOperation.WRITE_ZEROES)
                || part.cookie != pieces.stripe()) {
            return false;
        }
        int low = BandPieces.low(layout, part);
        return memory.sameBand(low) && low <= pieces.high() && low + part.length() >= pieces.low();
    }

    // ---------------------------------------------------------------------------------------------- a part that reads

    /**
     * Chooses the strip to be made from the others; what else the parent wants is read straight into its memory. A strip of a member that
     * is in sync, or was a moment ago, is not made from parity that may be wrong: no answer is better than a guess.
     */
    private boolean planReading(IoRequest part, ArrayView now) {
        IoRequest parent = Array.parentOf(part);
        long missing = slots & ~sound;
        long gone = pieces.touched() & missing;
        long avoided = pieces.touched() & sound & parent.avoidedSlots;
        toRead = 0;
        if (gone != 0 && Long.bitCount(missing) > 1) {
            return false;
        } else if (gone != 0) {
            target = Long.numberOfTrailingZeros(gone);
        } else if (avoided != 0 && missing == 0) {
            // Where several could not be read, it may have been in different stripes: each attempt makes another of
            // them.
            for (int i = parent.attempts % Long.bitCount(avoided); i > 0; i--) {
                avoided &= avoided - 1;
            }
            target = Long.numberOfTrailingZeros(avoided);
        } else {
            return true;
        }
        if (now.inSync(target) && !now.parityTrusted()) {
            return false;
        }
        readLow = pieces.from(target);
        readHigh = pieces.to(target);
        toRead = slots & ~(1L << target);
        for (long left = pieces.touched() & toRead; left != 0; left &= left - 1) {
            int slot = Long.numberOfTrailingZeros(left);
            if (pieces.from(slot) <= readLow && pieces.to(slot) >= readHigh) {
                toRead &= ~(1L << slot);
            }
        }
        return true;
    }

    // ---------------------------------------------------------------------------------------------- computing

    private void compute() {
        if (serving) {
            if (target != NO_SLOT) {
                gather(pieces.address(target, readLow), target, pieces.touched() & ~toRead);
            }
            return;
        }
        switch (method) {
            case WITHOUT_PARITY, IMPOSSIBLE -> {}
            case MODIFY -> modify();
            case REBUILD -> {
                gather(memory.address(target, readLow), target, 0);
                reconstruct();
            }
            case RECONSTRUCT -> reconstruct();
        }
    }

    private void modify() {
        for (long left = pieces.touched(); left != 0; left &= left - 1) {
            int slot = Long.numberOfTrailingZeros(left);
            int from = pieces.from(slot);
            int bytes = pieces.to(slot) - from;
            long old = memory.address(slot, from);
            long sum = memory.address(parityOn, from);
            if (pieces.single(slot)) {
                parity.add(sum, old, pieces.address(slot, from), bytes);
            } else {
                parity.add(sum, old, bytes);
                pieces.overlay(slot, memory.address(slot, 0));
                parity.add(sum, old, bytes);
            }
        }
    }

    private void reconstruct() {
        long covered = pieces.covered();
        long straight = 0;
        for (long left = pieces.touched(); left != 0; left &= left - 1) {
            int slot = Long.numberOfTrailingZeros(left);
            if (pieces.single(slot) && (covered >>> slot & 1) != 0) {
                straight |= 1L << slot;
            } else {
                pieces.overlay(slot, memory.address(slot, 0));
            }
        }
        gather(memory.address(parityOn, readLow), parityOn, straight);
    }

    /** XORs the strips of all slots but one, from readLow to readHigh: those in {@code straight} from the memory of their parents. */
    private void gather(long into, int without, long straight) {
        int count = 0;
        for (int slot = 0; slot < layout.slots(); slot++) {
            if (slot != without) {
                boolean parents = (straight >>> slot & 1) != 0;
                sources[count++] = parents ? pieces.address(slot, readLow) : memory.address(slot, readLow);
            }
        }
        parity.gather(into, sources, count, readHigh - readLow);
    }

    // ---------------------------------------------------------------------------------------------- children

    /** Whether all have ended already. */
    private boolean sendReads() {
        long straight = serving ? pieces.touched() & sound & ~(target == NO_SLOT ? 0 : 1L << target) : 0;
        carrier.expectChildren(Long.bitCount(toRead) + Long.bitCount(straight) + 1);
        for (long left = toRead; left != 0; left &= left - 1) {
            int slot = Long.numberOfTrailingZeros(left);
            boolean hull = method == WriteMethod.MODIFY && slot != parityOn && !serving;
            int from = hull ? pieces.from(slot) : readLow;
            int to = hull ? pieces.to(slot) : readHigh;
            sendOurs(IoOperation.READ, slot, from, to, 0);
        }
        for (long left = straight; left != 0; left &= left - 1) {
            int slot = Long.numberOfTrailingZeros(left);
            sendParents(IoOperation.READ, slot, 0);
        }
        return carrier.childSettled();
    }

    /** Whether all have ended already. */
    private boolean sendWrites() {
        long data = pieces.touched() & sound;
        boolean withParity = method != WriteMethod.WITHOUT_PARITY;
        int flags = pieces.flags() & IoRequest.FUA;
        carrier.expectChildren(Long.bitCount(data) + (withParity ? 2 : 1));
        for (long left = data; left != 0; left &= left - 1) {
            int slot = Long.numberOfTrailingZeros(left);
            if (pieces.single(slot)) {
                sendParents(IoOperation.WRITE, slot, flags);
            } else {
                sendOurs(IoOperation.WRITE, slot, pieces.from(slot), pieces.to(slot), flags);
            }
        }
        if (withParity) {
            sendOurs(IoOperation.WRITE, parityOn, pieces.low(), pieces.high(), flags);
        }
        return carrier.childSettled();
    }

    private void sendOurs(IoOperation operation, int slot, int from, int to, int flags) {
        send(operation, slot, from, to, flags, memory.strip(slot), memory.within(from), slot);
    }

    private void sendParents(IoOperation operation, int slot, int flags) {
        int from = pieces.from(slot);
        int to = pieces.to(slot);
        IoRequest part = pieces.only(slot);
        if (part.operation() == IoOperation.WRITE_ZEROES) {
            send(operation, slot, from, to, flags, memory.zeroes(), 0, PARENTS_MEMORY);
        } else {
            IoRequest parent = Array.parentOf(part);
            int at = parent.bufferOffset() + (int) pieces.inParent(slot, from);
            send(operation, slot, from, to, flags, parent.buffer(), at, PARENTS_MEMORY);
        }
    }

    private void send(
            IoOperation operation, int slot, int from, int to, int flags, IoBuffer buffer, int at, long whose) {
        ArrayView now = view;
        if (now == null) {
            throw RESTS;
        }
        Member member = now.member(slot);
        long offset = member.dataOffset() + pieces.stripe() * layout.chunkBytes() + from;
        IoRequest child = stripes.child();
        taken++;
        child.prepare(operation, offset, to - from, flags, buffer, at, childEnded);
        child.parent = carrier;
        child.slot = slot;
        child.cookie = whose;
        member.submit(child);
    }
}

package redoubt.personality;

import java.util.Arrays;
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
    private static final Bug NO_SECOND = Bug.of("a stripe with one parity is asked for the other");

    /** A child's {@link IoRequest#cookie} where its memory is the parent's. */
    private static final long PARENTS_MEMORY = -1;

    final int number;
    private final Stripes stripes;
    private final PersonalityHost host;
    private final ParityLayout layout;
    private final Parity parity;
    private final @Nullable Syndrome syndrome; // where there is a Q
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
    private int p; // the slot of the first parity
    private int q; // that of the second, or ParityLayout.NO_SLOT
    private long parities; // the slots of both
    private long
            toRead; // slots whose strips are read into our memory, from readLow to readHigh or where they are touched
    private int readLow; // in bytes from the strip's start, as all places
    private int readHigh;
    private long lost; // slots of data whose strips are made from the others, from readLow to readHigh
    private long witnesses; // the parities that they are made from: as many
    private long wanted; // of those lost, the ones that a reading parent asked for
    private int taken; // children
    private long failed;
    private @Nullable IoStatus refusal;

    StripeWork(int number, Stripes stripes, PersonalityHost host, ParityLayout layout, StripeMemory memory) {
        this.number = number;
        this.stripes = stripes;
        this.host = host;
        this.layout = layout;
        this.parity = new Parity();
        this.syndrome = layout.parities() > 1 ? new Syndrome() : null;
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
        lost = 0;
        witnesses = 0;
        wanted = 0;
        writing = false;
        owned.remove(null, oldest);
        pieces.add(oldest);
        memory.begin(BandPieces.low(layout, oldest));
        p = layout.parity(pieces.stripe());
        q = layout.q(pieces.stripe());
        parities = layout.paritySlots(pieces.stripe());
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
        if ((sound & parities) != 0) {
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
        long data = slots & ~parities;
        toRead = switch (method) {
            case WITHOUT_PARITY, IMPOSSIBLE -> 0;
            case MODIFY -> pieces.touched() | (parities & sound);
            case RECONSTRUCT -> data & ~pieces.covered();
            case REBUILD -> (data & ~lost) | witnesses;
        };
        return method != WriteMethod.IMPOSSIBLE;
    }

    private WriteMethod choose(long readable, ArrayView now) {
        WriteMethod chosen = WriteMethod.choose(
                parities,
                slots,
                sound,
                readable,
                pieces.touched(),
                pieces.covered(),
                pieces.touchedBytes(),
                pieces.high() - pieces.low(),
                now.redundancyKnown());
        if (chosen == WriteMethod.REBUILD) {
            lost = slots & ~parities & ~readable;
            witnesses = witnesses(readable);
        }
        return chosen;
    }

    /** As many of the parities as strips are lost: P alone where it can be read, for it takes the least work. */
    private long witnesses(long readable) {
        long there = parities & readable;
        return Long.bitCount(lost) < Long.bitCount(there) ? 1L << p : there;
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
     * Chooses the strips to be made from the others; what else the parent wants is read straight into its memory. A strip of a member that
     * is in sync, or was a moment ago, is not made from parity that may be wrong: no answer is better than a guess.
     */
    private boolean planReading(IoRequest part, ArrayView now) {
        IoRequest parent = Array.parentOf(part);
        long data = slots & ~parities;
        long missing = data & ~sound;
        long gone = pieces.touched() & missing;
        int toSpare = Long.bitCount(parities & sound) - Long.bitCount(missing);
        toRead = 0;
        if (gone != 0 && toSpare < 0) {
            return false;
        }
        wanted = gone;
        if (toSpare > 0) {
            wanted |= some(pieces.touched() & sound & parent.avoidedSlots, toSpare, parent.attempts);
        }
        if (wanted == 0) {
            return true;
        }
        lost = missing | wanted;
        int left = Long.bitCount(parities & sound) - Long.bitCount(lost);
        if (left > 0 && parent.attempts % 2 == 1) {
            // With a parity more than is needed one of the others need not be read either.
            lost |= some(data & sound & ~lost & parent.avoidedSlots, left, parent.attempts);
        }
        long readable = sound & ~parent.avoidedSlots;
        witnesses = witnesses(Long.bitCount(parities & readable) >= Long.bitCount(lost) ? readable : sound);
        if (anyInSync(wanted, now) && !now.parityTrusted()) {
            return false;
        }
        readLow = Integer.MAX_VALUE;
        readHigh = 0;
        for (long each = wanted; each != 0; each &= each - 1) {
            int slot = Long.numberOfTrailingZeros(each);
            readLow = Math.min(readLow, pieces.from(slot));
            readHigh = Math.max(readHigh, pieces.to(slot));
        }
        toRead = (data & ~lost) | witnesses;
        for (long each = pieces.touched() & toRead; each != 0; each &= each - 1) {
            int slot = Long.numberOfTrailingZeros(each);
            if (pieces.from(slot) <= readLow && pieces.to(slot) >= readHigh) {
                toRead &= ~(1L << slot);
            }
        }
        return true;
    }

    /**
     * At most so many of the slots. Where several could not be read, it may have been in different stripes: each attempt takes others of them.
     */
    private static long some(long of, int most, int attempt) {
        long taken = of;
        int count = Long.bitCount(of);
        if (count > most) {
            taken = 0;
            for (int i = 0; i < most; i++) {
                taken |= nth(of, (attempt + i) % count);
            }
        }
        return taken;
    }

    /** The bit of a set that {@code number} others of it are below. */
    private static long nth(long set, int number) {
        long left = set;
        for (int i = 0; i < number; i++) {
            left &= left - 1;
        }
        return Long.lowestOneBit(left);
    }

    private static boolean anyInSync(long of, ArrayView now) {
        boolean any = false;
        for (long left = of; left != 0; left &= left - 1) {
            any |= now.inSync(Long.numberOfTrailingZeros(left));
        }
        return any;
    }

    // ---------------------------------------------------------------------------------------------- computing

    private void compute() {
        if (serving) {
            serve();
            return;
        }
        switch (method) {
            case WITHOUT_PARITY, IMPOSSIBLE -> {}
            case MODIFY -> modify();
            case REBUILD -> {
                makeLost(0);
                reconstruct();
            }
            case RECONSTRUCT -> reconstruct();
        }
    }

    /** Makes what is wanted, in the memory of the parent; the strips of some others are there already. */
    private void serve() {
        if (wanted == 0) {
            return;
        }
        long straight = pieces.touched() & ~toRead & ~lost;
        if (wanted == lost && witnesses == 1L << p) {
            int slot = Long.numberOfTrailingZeros(wanted);
            sum(pieces.address(slot, readLow), (slots & ~parities & ~lost) | witnesses, straight);
            return;
        }
        makeLost(straight);
        for (long left = wanted; left != 0; left &= left - 1) {
            int slot = Long.numberOfTrailingZeros(left);
            int from = pieces.from(slot);
            Parity.copy(pieces.address(slot, from), memory.address(slot, from), pieces.to(slot) - from);
        }
    }

    private void modify() {
        boolean withQ = withQ();
        for (long left = pieces.touched(); left != 0; left &= left - 1) {
            int slot = Long.numberOfTrailingZeros(left);
            int from = pieces.from(slot);
            int bytes = pieces.to(slot) - from;
            long strip = memory.address(slot, from);
            if (pieces.single(slot) && !withQ) {
                parity.add(memory.address(p, from), strip, pieces.address(slot, from), bytes);
            } else if (pieces.single(slot)) {
                parity.add(strip, pieces.address(slot, from), bytes);
                addToParities(slot, from, bytes);
            } else {
                addToParities(slot, from, bytes);
                pieces.overlay(slot, memory.address(slot, 0));
                addToParities(slot, from, bytes);
            }
        }
    }

    /** Adds what stands in the slot's memory to the parities that are there. */
    private void addToParities(int slot, int from, int bytes) {
        long strip = memory.address(slot, from);
        if (withP()) {
            parity.add(memory.address(p, from), strip, bytes);
        }
        if (withQ()) {
            syndrome().scaleAdd(memory.address(q, from), strip, factor(slot), bytes);
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
        long data = slots & ~parities;
        if (withP()) {
            sum(memory.address(p, readLow), data, straight);
        }
        if (withQ()) {
            sumOfPowers(memory.address(q, readLow), data, straight);
        }
    }

    /**
     * Makes the lost strips in our memory, from readLow to readHigh (specs: md-core §11). With D the lost data, and P and Q each without what
     * the other strips add to it: one lost from P is P; from Q it is Q over its factor; of two, x and y, P is Dx ^ Dy and Q is fx·Dx ^ fy·Dy,
     * so Dy is (Q ^ fx·P) over (fx ^ fy).
     *
     * @param straight slots whose strips are in the memory of their parents
     */
    private void makeLost(long straight) {
        long others = slots & ~parities & ~lost;
        int bytes = readHigh - readLow;
        int first = Long.numberOfTrailingZeros(lost);
        long second = lost & (lost - 1);
        int last = second == 0 ? first : Long.numberOfTrailingZeros(second);
        long made = memory.address(last, readLow);
        if (witnesses == 1L << p) {
            sum(made, others | witnesses, straight);
            return;
        }
        Syndrome powers = syndrome();
        sumOfPowers(made, others, straight);
        parity.add(made, memory.address(q, readLow), bytes);
        if (first == last) {
            powers.scale(made, GaloisField.inverse(factor(last)), bytes);
            return;
        }
        long other = memory.address(first, readLow);
        sum(other, others | 1L << p, straight);
        powers.scaleAdd(made, other, factor(first), bytes);
        powers.scale(made, GaloisField.inverse(factor(first) ^ factor(last)), bytes);
        parity.add(other, made, bytes);
    }

    private Syndrome syndrome() {
        Syndrome powers = syndrome;
        if (powers == null) {
            throw NO_SECOND;
        }
        return powers;
    }

    /** Whether the member with P is there. */
    private boolean withP() {
        return (sound >>> p & 1) != 0;
    }

    /** Whether there is a Q, and its member. */
    private boolean withQ() {
        return (sound & parities & ~(1L << p)) != 0;
    }

    /** By what Q multiplies the slot's strip. */
    private int factor(int slot) {
        return GaloisField.power(layout.power(pieces.stripe(), slot));
    }

    /** XORs the strips of some slots, from readLow to readHigh: those in {@code straight} from the memory of their parents. */
    private void sum(long into, long of, long straight) {
        int count = 0;
        for (long left = of; left != 0; left &= left - 1) {
            sources[count++] = source(Long.numberOfTrailingZeros(left), straight);
        }
        parity.gather(into, sources, count, readHigh - readLow);
    }

    /** The same, each strip multiplied by its factor. */
    private void sumOfPowers(long into, long of, long straight) {
        Arrays.fill(sources, Syndrome.NOTHING);
        for (long left = of; left != 0; left &= left - 1) {
            int slot = Long.numberOfTrailingZeros(left);
            sources[layout.power(pieces.stripe(), slot)] = source(slot, straight);
        }
        syndrome().gather(into, sources, sources.length, readHigh - readLow);
    }

    private long source(int slot, long straight) {
        boolean parents = (straight >>> slot & 1) != 0;
        return parents ? pieces.address(slot, readLow) : memory.address(slot, readLow);
    }

    // ---------------------------------------------------------------------------------------------- children

    /** Whether all have ended already. */
    private boolean sendReads() {
        long straight = serving ? pieces.touched() & sound & ~wanted : 0;
        carrier.expectChildren(Long.bitCount(toRead) + Long.bitCount(straight) + 1);
        for (long left = toRead; left != 0; left &= left - 1) {
            int slot = Long.numberOfTrailingZeros(left);
            boolean hull = method == WriteMethod.MODIFY && (parities >>> slot & 1) == 0 && !serving;
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
        long changed = parities & sound;
        int flags = pieces.flags() & IoRequest.FUA;
        carrier.expectChildren(Long.bitCount(data) + Long.bitCount(changed) + 1);
        for (long left = data; left != 0; left &= left - 1) {
            int slot = Long.numberOfTrailingZeros(left);
            if (pieces.single(slot)) {
                sendParents(IoOperation.WRITE, slot, flags);
            } else {
                sendOurs(IoOperation.WRITE, slot, pieces.from(slot), pieces.to(slot), flags);
            }
        }
        for (long left = changed; left != 0; left &= left - 1) {
            sendOurs(IoOperation.WRITE, Long.numberOfTrailingZeros(left), pieces.low(), pieces.high(), flags);
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

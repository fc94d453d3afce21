package redoubt.personality;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import redoubt.base.Bug;
import redoubt.base.IndexStack;
import redoubt.block.IoBuffer;
import redoubt.block.IoMemory;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoRequestPool;
import redoubt.block.IoStatus;
import redoubt.md.Array;
import redoubt.md.PersonalityHost;

/**
 * Everything that the stripes of one array are worked on with, made before the first request.
 *
 * <p>A <em>band</em> is the same run of every strip of a stripe, and what is locked: at most one operation is under way in it. A request is cut
 * into parts, one a band. A part goes to the {@link BandHead} that its band hashes to. Who finds it free becomes its owner, takes a
 * {@link StripeWork} and carries the operation out; who finds it owned parks there, and the owner takes it along, joined with what else it
 * can be joined with, before it leaves.
 *
 * <p><b>Nothing waits in a circle.</b> Parts wait for heads; an owner waits for a work, in a list, and holds nothing but its head; a work
 * has all the memory and children that it will need, so it waits for members only, and those have a time limit. Where calls that hang
 * keep the memory of every work, and the array is broken, those who wait are refused. A {@link Clearing} owns several heads and takes them in rising order.
 *
 * <p>No locks. Any thread; what the classes keep is published by the words they hand over with.
 */
final class Stripes {

    private static final Bug CARRIER_SETTLED = Bug.of("a carrier was settled");

    /** How many heads there are: many more than works, so that two bands seldom meet by their hash. */
    static final int HEADS = 512;

    private static final int HEAD_BITS = 9;
    private static final long GOLDEN = 0x9E37_79B9_7F4A_7C15L;

    private static final int BAND_LIMIT_BYTES = 64 << 10;
    private static final int BUFFER_UNIT_BYTES = 4096;
    private static final int MEMORY_BYTES = 8 << 20;
    private static final int WORKS_WANTED = 16;
    private static final int WORKS_MIN = 4;
    private static final int WORKS_LIMIT = 64;

    private final PersonalityHost host;
    private final ParityLayout layout;
    private final int bandBytes;
    private final int bandsPerStrip;
    private final BandHead[] heads = new BandHead[HEADS];
    private final StripeWork[] works;
    private final StripeMemory[] memories;
    private final IndexStack free; // works
    private final IoRequestPool children;
    private final int childrenPerWork;
    private final IoMemory memory;
    private final IoBuffer zeroes;
    private final AtomicReference<@Nullable BandHead> waiting = new AtomicReference<>();
    private final AtomicReference<@Nullable StripeWork> maimed = new AtomicReference<>();
    private final AtomicInteger maimedCount = new AtomicInteger();
    private final AtomicBoolean feeding = new AtomicBoolean();
    private volatile boolean feedAgain;

    Stripes(PersonalityHost host, ParityLayout layout) {
        this.host = host;
        this.layout = layout;
        int slots = layout.slots();
        this.bandBytes = bandBytes(slots, layout.chunkBytes());
        this.bandsPerStrip = (int) (layout.chunkBytes() / bandBytes);
        int bufferBytes = Math.max(bandBytes, BUFFER_UNIT_BYTES);
        // One spare a work: a member that hangs strands at most one buffer of each.
        int perWork = slots + 1;
        int count = Math.clamp(MEMORY_BYTES / ((long) perWork * bufferBytes), WORKS_MIN, WORKS_LIMIT);
        this.memory = new IoMemory(new IoMemory.Cut(bufferBytes, count * perWork + 1, 0));
        this.zeroes = takeZeroes(memory, bufferBytes);
        this.childrenPerWork = StripeWork.childrenLimit(slots);
        // As with the memory, and the same again: a member that hangs keeps its children.
        this.children = new IoRequestPool(count * (childrenPerWork + 2));
        this.works = new StripeWork[count];
        this.memories = new StripeMemory[count];
        this.free = new IndexStack(count);
        for (int i = 0; i < count; i++) {
            memories[i] = new StripeMemory(memory, slots, bufferBytes, bandBytes, zeroes);
            works[i] = new StripeWork(i, this, host, layout, memories[i]);
        }
        for (int i = 0; i < HEADS; i++) {
            heads[i] = new BandHead();
        }
        children.whenReturned(this::returned);
    }

    private static IoBuffer takeZeroes(IoMemory memory, int bytes) {
        IoBuffer buffer = memory.take(bytes);
        if (buffer == null) {
            throw new IllegalStateException("memory without a buffer");
        }
        return buffer;
    }

    /** How wide a band is: at most a chunk, and so that a fair number of works fits into the memory. */
    static int bandBytes(int slots, long chunkBytes) {
        long band = Math.min(chunkBytes, BAND_LIMIT_BYTES);
        while (band > BUFFER_UNIT_BYTES && MEMORY_BYTES / ((slots + 1) * band) < WORKS_WANTED) {
            band /= 2;
        }
        return (int) band;
    }

    int bandBytes() {
        return bandBytes;
    }

    IoBuffer zeroes() {
        return zeroes;
    }

    /** A request that never goes anywhere: it collects the ends of children. */
    static IoRequest carrier(Object owner) {
        IoRequestPool pool = new IoRequestPool(1);
        pool.reserve(1);
        IoRequest carrier = pool.take().prepare(IoOperation.FLUSH, 0, 0, 0, null, 0, Stripes::neverEnds);
        carrier.attachment = owner;
        return carrier;
    }

    private static void neverEnds(IoRequest carrier) {
        throw CARRIER_SETTLED;
    }

    // ---------------------------------------------------------------------------------------------- heads

    /** Where the head of a band stands. */
    int headOf(long stripe, int band) {
        return (int) (((stripe * bandsPerStrip + band) * GOLDEN) >>> (Long.SIZE - HEAD_BITS));
    }

    BandHead head(int index) {
        return heads[index];
    }

    /** Sends a part to its band. */
    void enter(IoRequest part) {
        BandHead head = heads[headOf(part.cookie, BandPieces.low(layout, part) / bandBytes)];
        if (head.enter(part)) {
            carry(head);
        }
    }

    /** The caller owns the head: does what is pending there until there is nothing, or somebody else goes on with it. */
    void carry(BandHead head) {
        while (true) {
            head.collect();
            IoRequest oldest = head.first();
            if (oldest == null) {
                if (head.leave()) {
                    return;
                }
            } else if (oldest.attachment instanceof Clearing clearing) {
                head.remove(null, oldest);
                clearing.granted();
                return;
            } else {
                StripeWork work = takeWork();
                if (work == null && hopeless()) {
                    head.remove(null, oldest);
                    settle(oldest, 0, IoStatus.IO_ERROR, false);
                } else if (work == null) {
                    waitForWork(head);
                    return;
                } else if (!work.start(head, oldest)) {
                    return;
                }
            }
        }
    }

    /** Tells the parents of a list of parts how these ended. */
    static void settle(@Nullable IoRequest parts, long failedSlots, @Nullable IoStatus refusal, boolean inDoubt) {
        IoRequest part = parts;
        while (part != null) {
            IoRequest next = part.next;
            part.next = null;
            IoRequest parent = Array.parentOf(part);
            for (long left = failedSlots; left != 0; left &= left - 1) {
                parent.slotFailed(Long.numberOfTrailingZeros(left));
            }
            if (refusal != null) {
                parent.refused(refusal);
            }
            if (inDoubt) {
                parent.memoryInDoubt = true;
            }
            part.complete(IoStatus.OK);
            part = next;
        }
    }

    // ---------------------------------------------------------------------------------------------- works

    private @Nullable StripeWork takeWork() {
        if (!children.reserve(childrenPerWork)) {
            return null;
        }
        int number = free.pop();
        if (number == IndexStack.NONE) {
            children.unreserve(childrenPerWork);
            return null;
        }
        return works[number];
    }

    /** One of the children that a work has a right to. */
    IoRequest child() {
        return children.take();
    }

    /** A work's operation is over. */
    void giveBack(StripeWork work, int childrenNotTaken) {
        if (memories[work.number].restore()) {
            free.push(work.number);
        } else {
            pushMaimed(work);
        }
        children.unreserve(childrenNotTaken); // which looks for those who wait
    }

    private void waitForWork(BandHead head) {
        BandHead top;
        do {
            top = waiting.get();
            head.nextWaiting = top;
        } while (!waiting.compareAndSet(top, head));
        feed();
    }

    /** A child came back, or a work was given back. */
    private void returned() {
        if (maimed.get() != null) {
            mend();
        }
        feed();
    }

    private boolean mayStart() {
        return free.any() && children.free() >= childrenPerWork;
    }

    /**
     * Whether no work will come back before calls that hang do. It takes two members that hang to strand more of a work than its spare, and
     * one loss more than the level survives: whoever waits is refused, for nothing else says when those calls come back.
     */
    private boolean hopeless() {
        return maimedCount.get() == works.length && host.view().broken();
    }

    /** The array has become broken: some who wait may have no hope left. */
    void broke() {
        feed();
    }

    /**
     * Lets waiting heads go on. One thread does it at a time; one that comes meanwhile leaves its wish and goes, so nothing recurses. The
     * wish is left before the list is looked at, so whoever feeds and found too little sees it before it goes.
     */
    private void feed() {
        if (!feedAgain) {
            feedAgain = true;
        }
        if (waiting.get() == null) {
            return;
        }
        while (feedAgain && feeding.compareAndSet(false, true)) {
            feedAgain = false;
            BandHead head = oldestFirst(waiting.getAndSet(null));
            while (head != null) {
                BandHead younger = head.nextWaiting;
                head.nextWaiting = null;
                if (mayStart() || hopeless()) {
                    carry(head);
                } else {
                    putBack(head);
                }
                head = younger;
            }
            feeding.set(false);
        }
    }

    private void putBack(BandHead head) {
        BandHead top;
        do {
            top = waiting.get();
            head.nextWaiting = top;
        } while (!waiting.compareAndSet(top, head));
    }

    private static @Nullable BandHead oldestFirst(@Nullable BandHead youngest) {
        BandHead oldest = null;
        BandHead head = youngest;
        while (head != null) {
            BandHead older = head.nextWaiting;
            head.nextWaiting = oldest;
            oldest = head;
            head = older;
        }
        return oldest;
    }

    // ---------------------------------------------------------------------------------------------- works that lack
    // memory

    private void pushMaimed(StripeWork work) {
        maimedCount.getAndIncrement();
        StripeWork top;
        do {
            top = maimed.get();
            work.nextMaimed = top;
        } while (!maimed.compareAndSet(top, work));
    }

    /** Spares have come back, perhaps. A thread that has works in its hands while a spare comes looks again. */
    private void mend() {
        do {
            StripeWork work = maimed.getAndSet(null);
            while (work != null) {
                StripeWork next = work.nextMaimed;
                work.nextMaimed = null;
                maimedCount.getAndDecrement();
                if (memories[work.number].restore()) {
                    free.push(work.number);
                } else {
                    pushMaimed(work);
                }
                work = next;
            }
        } while (maimed.get() != null && memory.free() > 0);
    }

    /** Whether nothing is under way and nothing was kept by a call that hangs. */
    boolean idle() {
        boolean idle = children.free() == children.total() && maimed.get() == null && waiting.get() == null;
        for (BandHead head : heads) {
            idle &= head.free();
        }
        return idle;
    }

    /** Gives the memory back, unless something is under way still: then it is left to that. */
    void close() {
        int taken = 0;
        while (free.pop() != IndexStack.NONE) {
            taken++;
        }
        if (taken < works.length || maimed.get() != null) {
            return;
        }
        for (StripeMemory each : memories) {
            each.close();
        }
        zeroes.release();
        memory.close();
    }
}

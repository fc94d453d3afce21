package redoubt.personality;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import redoubt.block.IoCompletion;
import redoubt.block.IoRequest;
import redoubt.block.IoRequestPool;
import redoubt.block.IoStatus;
import redoubt.md.ArrayView;
import redoubt.md.Member;
import redoubt.md.PersonalityHost;

/**
 * Carries TRIM and WRITE_ZEROES over whole stripes, however many: data and parity all become zeroes, so there is nothing to compute, and a
 * run of stripes is one run on each member.
 *
 * <p>It goes window by window. For each it becomes the owner of all heads of the window's bands, sends one child to each member, and
 * leaves the heads. It takes the heads in rising order, and nobody else owns one while waiting for another, so nobody waits in a circle. What
 * stands for it in a head's list is its carrier, the {@code token}.
 *
 * <p>A run comes as a part; one is carried at a time, the others are parked at the {@code door}. Confined to the thread that carries it on.
 */
final class Clearing {

    /** How many bands a window has, unless one stripe has more. */
    private static final int WINDOW_BANDS = 64;

    private final Stripes stripes;
    private final PersonalityHost host;
    private final ParityLayout layout;
    private final BandHead door = new BandHead();
    private final IoRequest token = Stripes.carrier(this);
    private final IoRequestPool children;
    private final IoCompletion childEnded = this::childEnded;
    private final long[] heads = new long[Stripes.HEADS / Long.SIZE]; // a set of numbers
    private final int stripesPerWindow;
    private final int bandsPerStrip;

    private @Nullable IoRequest run;
    private boolean sent; // the step: else heads are being taken
    private int nextHead;
    private long stripe;
    private long windowEnd;
    private long end;

    Clearing(Stripes stripes, PersonalityHost host, ParityLayout layout) {
        this.stripes = stripes;
        this.host = host;
        this.layout = layout;
        this.bandsPerStrip = (int) (layout.chunkBytes() / stripes.bandBytes());
        this.stripesPerWindow = Math.max(1, WINDOW_BANDS / bandsPerStrip);
        // A member that hangs keeps its child, and then the array goes on without it.
        this.children = new IoRequestPool(2 * layout.slots());
    }

    /** Takes a part that names whole stripes: the first as {@link IoRequest#cookie}, length as on a member. */
    void enter(IoRequest part) {
        if (door.enter(part) && begin()) {
            carryOn();
        }
    }

    /** Whether nothing is under way, and no call that hangs keeps a child. */
    boolean idle() {
        return door.free() && children.free() == children.total();
    }

    /** The owner of a head found the token in its list, and the head is the clearing's now. */
    void granted() {
        nextHead++;
        carryOn();
    }

    /** The owner of the door begins the oldest run; answers false if there is none, and then it is not the owner any more. */
    private boolean begin() {
        while (true) {
            door.collect();
            IoRequest oldest = door.first();
            if (oldest != null) {
                door.remove(null, oldest);
                run = oldest;
                stripe = oldest.cookie;
                end = stripe + oldest.length() / layout.chunkBytes();
                openWindow();
                return true;
            } else if (door.leave()) {
                return false;
            }
        }
    }

    private void openWindow() {
        Arrays.fill(heads, 0);
        windowEnd = Math.min(end, stripe + stripesPerWindow);
        for (long each = stripe; each < windowEnd; each++) {
            for (int band = 0; band < bandsPerStrip; band++) {
                int head = stripes.headOf(each, band);
                heads[head / Long.SIZE] |= 1L << head;
            }
        }
        nextHead = 0;
        sent = false;
    }

    private void carryOn() {
        while (true) {
            if (!sent) {
                if (!takeHeads()) {
                    return;
                }
                sent = true;
                if (!send()) {
                    return;
                }
            }
            leaveHeads();
            stripe = windowEnd;
            boolean well = token.failedSlots() == 0 && token.childrenStatus().ok();
            if (well && stripe < end) {
                openWindow();
            } else if (!finish()) {
                return;
            }
        }
    }

    /** Whether all heads of the window are ours; otherwise the token is parked in one of them. */
    private boolean takeHeads() {
        for (int head = next(nextHead); head < Stripes.HEADS; head = next(head + 1)) {
            nextHead = head;
            if (!stripes.head(head).enter(token)) {
                return false;
            }
            stripes.head(head).remove(null, token);
        }
        return true;
    }

    private void leaveHeads() {
        for (int head = next(0); head < Stripes.HEADS; head = next(head + 1)) {
            stripes.carry(stripes.head(head));
        }
    }

    /** The first head of the window from this number on. */
    private int next(int head) {
        for (int word = head / Long.SIZE; word < heads.length; word++) {
            long left = word == head / Long.SIZE ? heads[word] & -1L << head : heads[word];
            if (left != 0) {
                return word * Long.SIZE + Long.numberOfTrailingZeros(left);
            }
        }
        return Stripes.HEADS;
    }

    /** Whether all children have ended already. */
    private boolean send() {
        IoRequest asked = run;
        ArrayView now = host.view();
        long sound = host.soundSlots() & now.inSyncSlots();
        int count = Long.bitCount(sound);
        boolean tooFew = now.broken() || count < layout.dataSlots();
        if (asked == null || tooFew || !children.reserve(count)) {
            token.expectChildren(1);
            token.refused(IoStatus.IO_ERROR);
            return token.childSettled();
        }
        long from = stripe * layout.chunkBytes();
        long length = (windowEnd - stripe) * layout.chunkBytes();
        token.expectChildren(count + 1);
        for (long left = sound; left != 0; left &= left - 1) {
            int slot = Long.numberOfTrailingZeros(left);
            Member member = now.member(slot);
            IoRequest child = children.take();
            child.prepare(asked.operation(), member.dataOffset() + from, length, asked.flags(), null, 0, childEnded);
            child.parent = token;
            child.slot = slot;
            member.submit(child);
        }
        return token.childSettled();
    }

    private void childEnded(IoRequest child) {
        boolean last = host.childEnded(token, child, child.slot);
        child.free();
        if (last) {
            carryOn();
        }
    }

    /** The run is over; answers whether another one has been begun. */
    private boolean finish() {
        IoRequest ended = run;
        IoStatus how = token.childrenStatus();
        run = null;
        Stripes.settle(ended, token.failedSlots(), how.ok() ? null : how, false);
        return begin();
    }
}

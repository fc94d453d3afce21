package redoubt.personality;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import redoubt.base.ThreadHeartbeat;
import redoubt.base.WorkerFactory;
import redoubt.block.IoBuffer;
import redoubt.block.IoMemory;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoRequestPool;
import redoubt.block.IoStatus;
import redoubt.md.Array;
import redoubt.md.ArrayListener;
import redoubt.md.ArrayPlan;
import redoubt.md.ArrayView;
import redoubt.md.Layout;
import redoubt.md.Member;
import redoubt.md.MemberState;
import redoubt.md.MetadataKeeper;
import redoubt.md.Personality;
import redoubt.md.PersonalityHost;
import redoubt.testkit.Comebacks;
import redoubt.testkit.Inspection;
import redoubt.testkit.SimulatedMember;
import redoubt.testkit.Waiting;
import redoubt.workqueue.Workqueue;

/** An array of {@link SimulatedMember}s, and somebody who asks it. Closing it demands that everything came back, that the array
 * showed no state which may not follow the one before, and that members which are all in sync agree. */
final class Rig implements ArrayListener, AutoCloseable {

    static final int BLOCK = 512;

    /** Where the array's bytes begin on each disk. */
    static final int DATA_START = 4096;

    final Array array;
    final Personality personality;
    final List<SimulatedMember> disks;
    private final Inspection inspection = new Inspection();
    final IoMemory memory = new IoMemory(
            new IoMemory.Cut(16 << 10, 128, 0), new IoMemory.Cut(128 << 10, 64, 4), new IoMemory.Cut(1 << 20, 24, 8));
    private final IoRequestPool own = new IoRequestPool(512);
    private final IoRequestPool children = new IoRequestPool(1024);
    private final ThreadHeartbeat heartbeat = new ThreadHeartbeat(5_000_000);
    private final Workqueue queue = Workqueue.orderedMemReclaim("rig", WorkerFactory.threads());

    private final List<String> unlawful = new CopyOnWriteArrayList<>();
    private final Comebacks comebacks = new Comebacks();
    private final long componentBytes;
    private final boolean redundancyKnown;
    private Consumer<List<byte[]>> agreement = contents -> {};

    /**
     * Assembles.
     *
     * @param disks one a slot
     * @param missing bit k: nobody is in slot k
     */
    Rig(
            Function<PersonalityHost, Personality> level,
            Layout layout,
            List<SimulatedMember> disks,
            long componentBytes,
            long missing,
            boolean redundancyKnown) {
        this(level, layout, disks, componentBytes, missing, redundancyKnown, false);
    }

    /** The same, and whether the user accepts guesses. */
    Rig(
            Function<PersonalityHost, Personality> level,
            Layout layout,
            List<SimulatedMember> disks,
            long componentBytes,
            long missing,
            boolean redundancyKnown,
            boolean writeHoleAccepted) {
        this.disks = disks;
        this.componentBytes = componentBytes;
        this.redundancyKnown = redundancyKnown;
        List<ArrayPlan.Occupant> occupants = new ArrayList<>();
        for (int slot = 0; slot < disks.size(); slot++) {
            boolean gone = (missing >>> slot & 1) != 0;
            Member member = gone ? null : new Member(slot, "disk" + slot, disks.get(slot), DATA_START);
            occupants.add(new ArrayPlan.Occupant(member, gone ? MemberState.MISSING : MemberState.IN_SYNC));
        }
        Personality[] made = new Personality[1];
        long size = layout.capacity(componentBytes);
        ArrayPlan plan = new ArrayPlan(
                "rig",
                componentBytes,
                size,
                BLOCK,
                occupants,
                redundancyKnown,
                false,
                false,
                0,
                1000,
                writeHoleAccepted);
        array = new Array(
                plan,
                host -> {
                    made[0] = level.apply(host);
                    return made[0];
                },
                queue,
                heartbeat,
                children,
                memory);
        personality = made[0];
        array.addListener(this);
        array.start(new PromptKeeper());
    }

    /** What must be true in the end of what the members hold, if they are all in sync then and were known to agree before. */
    Rig agreeing(Consumer<List<byte[]>> wanted) {
        agreement = wanted;
        return this;
    }

    @Override
    public void viewChanged(ArrayView before, ArrayView after) {
        if (!before.state().mayBecome(after.state())) {
            unlawful.add(before.state() + " became " + after.state());
        }
        comebacks.look(before.inSyncSlots(), after.inSyncSlots());
    }

    @Override
    public void event(String word, String member) {}

    /** What the members hold of the array. */
    List<byte[]> contents() {
        return contents(disks, componentBytes);
    }

    static List<byte[]> contents(List<SimulatedMember> disks, long componentBytes) {
        return disks.stream()
                .map(disk -> Arrays.copyOfRange(disk.content(), DATA_START, DATA_START + (int) componentBytes))
                .toList();
    }

    /** All of them together give zero at every byte up to here, as data and parity do. */
    static void assertParity(List<byte[]> members, int end) {
        byte[] sum = new byte[end];
        for (byte[] member : members) {
            for (int at = 0; at < end; at++) {
                sum[at] ^= member[at];
            }
        }
        assertThat(Arrays.mismatch(sum, new byte[end]))
                .as("parity: first difference")
                .isEqualTo(-1);
    }

    /** In every stripe up to here P is the sum of the data, and Q the sum of the data, each strip times its power of 2; byte by byte. */
    static void assertSyndromes(ParityLayout layout, List<byte[]> members, int end) {
        byte[] first = new byte[end];
        byte[] second = new byte[end];
        int chunk = (int) layout.chunkBytes();
        for (int at = 0; at < end; at++) {
            int stripe = at / chunk;
            int q = 0;
            int p = 0;
            for (int slot = 0; slot < members.size(); slot++) {
                if (layout.indexOn(stripe, slot) != ParityLayout.PARITY) {
                    int element = members.get(slot)[at] & 0xFF;
                    p ^= element;
                    for (int doubling = layout.power(stripe, slot); doubling > 0; doubling--) {
                        element = (element << 1) % 0x100 ^ (element < 0x80 ? 0 : 0x1d);
                    }
                    q ^= element;
                }
            }
            first[at] = (byte) (p ^ members.get(layout.parity(stripe))[at]);
            second[at] = (byte) (q ^ members.get(layout.q(stripe))[at]);
        }
        assertThat(Arrays.mismatch(first, new byte[end]))
                .as("P: first difference")
                .isEqualTo(-1);
        assertThat(Arrays.mismatch(second, new byte[end]))
                .as("Q: first difference")
                .isEqualTo(-1);
    }

    long size() {
        return array.limits().sizeBytes();
    }

    // ---------------------------------------------------------------------------------------------- asking

    /** A request on its way. */
    static final class Asked {
        private final IoRequest request;
        private final @Nullable IoBuffer buffer;
        private final int length;
        private volatile boolean settled;
        private IoStatus status = IoStatus.OK;
        private byte[] read = new byte[0];

        private Asked(IoRequest request, @Nullable IoBuffer buffer, int length) {
            this.request = request;
            this.buffer = buffer;
            this.length = length;
        }

        private void completed(IoRequest ended) {
            status = ended.status();
            if (ended.operation() == IoOperation.READ && status.ok()) {
                // The memory may be other memory than it was.
                read = new byte[length];
                long at = ended.buffer().position() + (long) ended.bufferOffset();
                MemorySegment.copy(ended.buffer().segment(), ValueLayout.JAVA_BYTE, at, read, 0, length);
            }
            ended.free();
            if (buffer != null) {
                buffer.release();
            }
            settled = true;
        }

        boolean settled() {
            return settled;
        }

        IoStatus await() {
            Waiting.until("a " + request.operation() + " is settled", this::settled);
            return status;
        }

        byte[] content() {
            assertThat(await()).isEqualTo(IoStatus.OK);
            return read;
        }
    }

    /** Starts a request; any thread. Waits only where the rig has no memory left. */
    Asked start(IoOperation operation, long offset, long length, int flags, byte @Nullable [] content) {
        Waiting.until("a request is free", () -> own.reserve(1));
        IoRequest request = own.take();
        IoBuffer[] buffer = new IoBuffer[1];
        if (operation.movesBytes() || operation == IoOperation.ALLOCATION) {
            Waiting.until("a buffer is free", () -> {
                buffer[0] = memory.take((int) Math.max(16, length));
                return buffer[0] != null;
            });
        }
        if (content != null) {
            MemorySegment.copy(
                    content, 0, buffer[0].segment(), ValueLayout.JAVA_BYTE, buffer[0].position(), content.length);
        }
        Asked asked = new Asked(request, buffer[0], (int) length);
        request.prepare(operation, offset, length, flags, buffer[0], 0, asked::completed);
        array.submit(request);
        return asked;
    }

    Asked startWrite(long offset, byte[] content) {
        return start(IoOperation.WRITE, offset, content.length, 0, content);
    }

    Asked startRead(long offset, int length) {
        return start(IoOperation.READ, offset, length, 0, null);
    }

    IoStatus write(long offset, byte[] content) {
        return startWrite(offset, content).await();
    }

    byte[] read(long offset, int length) {
        return startRead(offset, length).content();
    }

    /** All of the array. */
    byte[] readAll() {
        byte[] all = new byte[(int) size()];
        int piece = Math.min(array.limits().maxTransferBytes(), 1 << 20);
        for (int at = 0; at < all.length; at += piece) {
            int length = Math.min(piece, all.length - at);
            System.arraycopy(read(at, length), 0, all, at, length);
        }
        return all;
    }

    /** Whether no request, no buffer and no place is in use. */
    boolean nothingLeft() {
        return own.free() == own.total()
                && children.free() == children.total()
                && memory.free() == memory.total()
                && array.requestsInside() == 0
                && (!(personality instanceof Raid5Personality parity) || parity.idle())
                && (!(personality instanceof CopiesPersonality copies) || copies.idle());
    }

    @Override
    public void close() {
        Waiting.until("everything came back", () -> {
            disks.forEach(SimulatedMember::heal);
            return nothingLeft();
        });
        array.stop(1_000_000_000L);
        heartbeat.close();
        queue.close();
        assertThat(heartbeat.faults()).isZero();
        inspection
                .watch("the rig", own)
                .watch("the array", children)
                .watch("the rig", memory)
                .expect("states follow each other lawfully: " + unlawful, unlawful::isEmpty)
                .expect("nobody comes into sync by himself", comebacks::none)
                .inspect();
        memory.close();
        if (redundancyKnown && array.view().degraded() == 0) {
            agreement.accept(contents());
        }
    }

    /** A keeper that has recorded everything at once. */
    private static final class PromptKeeper implements MetadataKeeper {
        @Override
        public void markDirty(Answer answer) {
            answer.recorded(true);
        }

        @Override
        public void markClean(Answer answer) {
            answer.recorded(true);
        }

        @Override
        public void recordFailure(int slot, Answer answer) {
            answer.recorded(true);
        }
    }
}

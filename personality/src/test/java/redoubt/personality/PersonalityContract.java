package redoubt.personality;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoStatus;
import redoubt.md.Layout;
import redoubt.md.Personality;
import redoubt.md.PersonalityHost;
import redoubt.testkit.Fault;
import redoubt.testkit.Seed;
import redoubt.testkit.SimulatedMember;
import redoubt.testkit.Waiting;

/**
 * What every level promises, as tests: a level extends this class, says in which shapes it comes and what its members must look like when
 * nothing is under way, and has them all.
 *
 * <p>Each test runs random programs against a model in a byte array: rounds of requests that do not overlap one another but meet in stripes
 * and chunks, from several threads at once, over disks that answer in any order. Beside them go reads that do overlap, which must find
 * old or new, block by block.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class PersonalityContract {

    private static final int THREADS = 3;
    private static final int ROUNDS = 12;

    /** A geometry. */
    record Shape(int slots, int copies, int chunkBytes, int chunksPerMember) {
        /** How much of each member the array uses: some bytes more than whole chunks. */
        long componentBytes() {
            return (long) chunkBytes * chunksPerMember + Rig.BLOCK;
        }
    }

    /** The shapes that the level is tested in. */
    abstract List<Shape> shapes();

    /** Where data lies. */
    abstract Layout layout(Shape shape);

    /** Makes the level. */
    abstract Personality make(PersonalityHost host, Shape shape);

    /** Whether the content can be had without these slots, as the paper has it: bit k, slot k. */
    abstract boolean survives(Shape shape, long lost);

    /** Checks that the members, each with what it holds from its data on, agree as the level wants. */
    abstract void assertAgree(Shape shape, List<byte[]> members);

    private List<SimulatedMember> disks(Shape shape, Shaker shaker) {
        List<SimulatedMember> disks = new ArrayList<>();
        for (int slot = 0; slot < shape.slots(); slot++) {
            disks.add(shaker.disk(bytesOnDisk(shape)));
        }
        return disks;
    }

    private static int bytesOnDisk(Shape shape) {
        return (int) (Rig.DATA_START + (shape.componentBytes() + 4095) / 4096 * 4096);
    }

    private Rig rig(Shape shape, List<SimulatedMember> disks, long missing, boolean known) {
        return new Rig(host -> make(host, shape), layout(shape), disks, shape.componentBytes(), missing, known)
                .agreeing(members -> assertAgree(shape, members));
    }

    /** Every set of slots that the level can do without, the others being there. */
    final List<Long> losses(Shape shape) {
        List<Long> losses = new ArrayList<>();
        for (long slots = 1; slots < 1L << shape.slots(); slots++) {
            if (survives(shape, slots)) {
                losses.add(slots);
            }
        }
        return losses;
    }

    // ---------------------------------------------------------------------------------------------- the tests

    /** Goal: content is as the model says; the members agree; every member but one reads the same. */
    @ParameterizedTest
    @MethodSource("shapes")
    void keepsContentWhileHealthy(Shape shape) {
        long seed = Seed.next();
        try (Shaker shaker = new Shaker(seed, 3, 30)) {
            List<SimulatedMember> disks = disks(shape, shaker);
            Program program;
            try (Rig rig = rig(shape, disks, 0, true)) {
                program = new Program(rig, seed);
                program.run(ROUNDS);
                program.check();
            }
            assertAgree(shape, Rig.contents(disks, shape.componentBytes()));
            for (long missing : losses(shape)) {
                try (Rig rig = rig(shape, disks, missing, true)) {
                    assertSame(rig.readAll(), program.model, "without " + missing, seed);
                }
            }
        }
    }

    /** Goal: the same with a member missing from the start. */
    @ParameterizedTest
    @MethodSource("shapes")
    void keepsContentWhileDegraded(Shape shape) {
        for (long missing : losses(shape)) {
            long seed = Seed.next();
            try (Shaker shaker = new Shaker(seed, 3, 30)) {
                List<SimulatedMember> disks = disks(shape, shaker);
                byte[] model;
                try (Rig rig = rig(shape, disks, 0, true)) {
                    Program program = new Program(rig, seed);
                    program.run(2);
                    model = program.model;
                }
                try (Rig rig = rig(shape, disks, missing, true)) {
                    Program program = new Program(rig, seed + 1);
                    program.model = model;
                    program.check();
                    program.run(ROUNDS / 2);
                    program.check();
                }
            }
        }
    }

    /** Goal: a member that fails everything from some request on is lost without a trace, whichever request it is. */
    @ParameterizedTest
    @MethodSource("shapes")
    void goesOnWhenAMemberFails(Shape shape) {
        losesAMember(shape, Fault.failing(IoStatus.IO_ERROR, IoOperation.READ).ofEverything());
    }

    /** Goal: so is one that reads but tears its writes. */
    @ParameterizedTest
    @MethodSource("shapes")
    void goesOnWhenAMemberFailsWrites(Shape shape) {
        losesAMember(shape, Fault.failing(IoStatus.IO_ERROR, IoOperation.WRITE).tearing());
    }

    /** Goal: so is one that hangs, and when its calls come back they change nothing that anybody sees. */
    @ParameterizedTest
    @MethodSource("shapes")
    void goesOnWhenAMemberHangs(Shape shape) {
        losesAMember(shape, Fault.hanging(IoOperation.READ).ofEverything());
    }

    /** The fault begins with a request of the seed's choosing, in the first of the slots that are lost; the others are missing before. */
    private void losesAMember(Shape shape, Fault fault) {
        for (long loss : losses(shape)) {
            long seed = Seed.next();
            Random random = new Random(seed);
            int slot = Long.numberOfTrailingZeros(loss);
            long missing = loss & ~(1L << slot);
            try (Shaker shaker = new Shaker(seed, 3, 30)) {
                List<SimulatedMember> disks = disks(shape, shaker);
                byte[] model;
                try (Rig rig = rig(shape, disks, missing, true)) {
                    Program program = new Program(rig, seed);
                    program.run(2);
                    disks.get(slot).inject(fault.after(random.nextInt(60)));
                    program.run(4);
                    // Every member writes within these; then it is out.
                    Waiting.until("the member is out", () -> {
                        program.run(1);
                        return !rig.array.view().inSync(slot);
                    });
                    program.run(2);
                    program.check();
                    disks.get(slot).heal();
                    program.check();
                    model = program.model;
                }
                try (Rig rig = rig(shape, disks, loss, true)) {
                    assertSame(rig.readAll(), model, "reassembled without " + slot, seed);
                }
            }
        }
    }

    /** Goal: what as many members cannot read as may be lost is read elsewhere, and written all the same; they stay. */
    @ParameterizedTest
    @MethodSource("shapes")
    void readsAroundABadPlace(Shape shape) {
        for (long loss : losses(shape)) {
            long seed = Seed.next();
            try (Shaker shaker = new Shaker(seed, 3, 30)) {
                List<SimulatedMember> disks = disks(shape, shaker);
                try (Rig rig = rig(shape, disks, 0, true)) {
                    Program program = new Program(rig, seed);
                    program.run(2);
                    for (long left = loss; left != 0; left &= left - 1) {
                        disks.get(Long.numberOfTrailingZeros(left))
                                .inject(Fault.failing(IoStatus.IO_ERROR, IoOperation.READ)
                                        .within(Rig.DATA_START + 1024, Rig.DATA_START + 5L * shape.chunkBytes() / 2));
                    }
                    program.run(ROUNDS / 2);
                    program.check();
                    assertThat(rig.array.view().degraded()).isZero();
                }
                assertAgree(shape, Rig.contents(disks, shape.componentBytes()));
            }
        }
    }

    /** Goal: a read finds every block that somebody can read, though no member and no stripe can be read whole. */
    @ParameterizedTest
    @MethodSource("shapes")
    void readsAroundBadPlacesOnEveryMember(Shape shape) {
        if (losses(shape).isEmpty()) {
            return;
        }
        long seed = Seed.next();
        Random random = new Random(seed);
        try (Shaker shaker = new Shaker(seed, 3, 30)) {
            List<SimulatedMember> disks = disks(shape, shaker);
            try (Rig rig = rig(shape, disks, 0, true)) {
                Program program = new Program(rig, seed);
                program.run(2);
                for (int slot = 0; slot < shape.slots(); slot++) {
                    for (int i = 0; i < 6; i++) {
                        // Where one member is bad within its chunk, no other one is.
                        int chunk = random.nextInt(shape.chunksPerMember());
                        int rows = shape.chunkBytes() / Rig.BLOCK / shape.slots();
                        int row = random.nextInt(rows) * shape.slots() + slot;
                        int at = Rig.DATA_START + chunk * shape.chunkBytes() + row * Rig.BLOCK;
                        disks.get(slot)
                                .inject(Fault.failing(IoStatus.IO_ERROR, IoOperation.READ)
                                        .within(at, at + Rig.BLOCK));
                    }
                }
                program.check();
                assertThat(rig.array.view().degraded()).isZero();
            }
        }
    }

    /** Goal: after an unclean stop, when members need not agree, what is written is kept, also without each member. */
    @ParameterizedTest
    @MethodSource("shapes")
    void doesNotTrustRedundancyThatIsNotKnown(Shape shape) {
        long seed = Seed.next();
        Random random = new Random(seed);
        try (Shaker shaker = new Shaker(seed, 3, 30)) {
            List<SimulatedMember> disks = new ArrayList<>();
            for (int slot = 0; slot < shape.slots(); slot++) {
                byte[] noise = new byte[bytesOnDisk(shape)];
                random.nextBytes(noise);
                disks.add(shaker.disk(noise));
            }
            byte[] model;
            try (Rig rig = rig(shape, disks, 0, false)) {
                Program program = new Program(rig, seed);
                program.model = rig.readAll();
                program.run(ROUNDS / 2);
                program.check();
                // Now everything has been written.
                byte[] all = new byte[(int) rig.size()];
                random.nextBytes(all);
                program.writeInRandomPieces(all);
                program.check();
                model = program.model;
            }
            assertAgree(shape, Rig.contents(disks, shape.componentBytes()));
            for (long missing : losses(shape)) {
                try (Rig rig = rig(shape, disks, missing, true)) {
                    assertSame(rig.readAll(), model, "without " + missing, seed);
                }
            }
        }
    }

    static void assertSame(byte[] found, byte[] model, String what, long seed) {
        int at = Arrays.mismatch(found, model);
        assertThat(at).as("%s: first difference, seed %d", what, seed).isEqualTo(-1);
    }

    // ---------------------------------------------------------------------------------------------- the program

    /** Random requests beside a model. */
    private static final class Program {
        private final Rig rig;
        private final long seed;
        private final Random random;
        private byte[] model;

        Program(Rig rig, long seed) {
            this.rig = rig;
            this.seed = seed;
            this.random = new Random(seed);
            this.model = new byte[(int) rig.size()];
        }

        void check() {
            assertSame(rig.readAll(), model, "content", seed);
        }

        /** One thing to be done in a round; what is written is what the model says. */
        private record Deed(IoOperation operation, int offset, int length, int flags) {}

        void run(int rounds) {
            for (int round = 0; round < rounds; round++) {
                byte[] before = model;
                byte[] after = before.clone();
                List<Deed> deeds = new ArrayList<>();
                boolean small = random.nextBoolean();
                int from = small ? random.nextInt(model.length / Rig.BLOCK) * Rig.BLOCK : 0;
                int limit = small ? Math.min(model.length, from + (512 << 10)) : model.length;
                for (int at = from; at < limit; ) {
                    int length = Math.min(limit - at, Rig.BLOCK * length(small));
                    deeds.add(deed(at, length, after));
                    at += length;
                }
                model = after;
                perform(deeds, before);
            }
        }

        private int length(boolean small) {
            int kind = random.nextInt(10);
            if (small) {
                return 1 + random.nextInt(kind < 8 ? 8 : 128);
            }
            return 1 + random.nextInt(kind < 3 ? 16 : kind < 8 ? 256 : 2048);
        }

        private Deed deed(int at, int length, byte[] after) {
            int flags = random.nextInt(8) == 0 ? IoRequest.FUA : 0;
            int kind = random.nextInt(20);
            int longest = Math.min(rig.array.limits().maxTransferBytes(), 1 << 20);
            if (kind == 0) {
                Arrays.fill(after, at, at + length, (byte) 0);
                return new Deed(IoOperation.WRITE_ZEROES, at, length, flags);
            } else if (kind == 1) {
                return new Deed(IoOperation.TRIM, at, length, 0);
            } else if (length > longest || kind < 5) {
                return new Deed(IoOperation.READ, at, Math.min(length, longest), 0);
            } else {
                byte[] content = new byte[length];
                random.nextBytes(content);
                System.arraycopy(content, 0, after, at, length);
                return new Deed(IoOperation.WRITE, at, length, flags);
            }
        }

        /** All deeds at once, dealt out to threads; beside them reads that overlap. */
        private void perform(List<Deed> deeds, byte[] before) {
            List<Thread> threads = new ArrayList<>();
            List<Throwable> failures = new ArrayList<>();
            for (int number = 0; number < THREADS; number++) {
                int first = number;
                Random own = new Random(seed + number);
                Thread thread = Thread.ofPlatform().unstarted(() -> {
                    try {
                        performSome(deeds, first, before, own);
                    } catch (Throwable failure) {
                        synchronized (failures) {
                            failures.add(failure);
                        }
                    }
                });
                threads.add(thread);
                thread.start();
            }
            for (Thread thread : threads) {
                try {
                    thread.join();
                } catch (InterruptedException interrupted) {
                    throw new AssertionError("interrupted", interrupted);
                }
            }
            if (!failures.isEmpty()) {
                throw new AssertionError("seed " + seed, failures.getFirst());
            }
            // What a trim left is what a read finds: zeroes or what was there.
            for (Deed deed : deeds) {
                if (deed.operation == IoOperation.TRIM) {
                    takeTrimmed(deed, before);
                }
            }
        }

        private void performSome(List<Deed> deeds, int first, byte[] before, Random own) {
            List<Deed> mine = new ArrayList<>();
            List<Rig.Asked> asked = new ArrayList<>();
            for (int i = first; i < deeds.size(); i += THREADS) {
                Deed deed = deeds.get(i);
                byte[] content = deed.operation == IoOperation.WRITE
                        ? Arrays.copyOfRange(model, deed.offset, deed.offset + deed.length)
                        : null;
                mine.add(deed);
                asked.add(rig.start(deed.operation, deed.offset, deed.length, deed.flags, content));
                if (own.nextInt(6) == 0) {
                    int block = own.nextInt(model.length / Rig.BLOCK);
                    int length = Math.min(Rig.BLOCK * (1 + own.nextInt(64)), model.length - block * Rig.BLOCK);
                    mine.add(new Deed(IoOperation.ALLOCATION, block * Rig.BLOCK, length, 0));
                    asked.add(rig.startRead((long) block * Rig.BLOCK, length));
                }
                if (own.nextInt(20) == 0) {
                    mine.add(new Deed(IoOperation.FLUSH, 0, 0, 0));
                    asked.add(rig.start(IoOperation.FLUSH, 0, 0, 0, null));
                }
            }
            for (int i = 0; i < asked.size(); i++) {
                Deed deed = mine.get(i);
                assertThat(asked.get(i).await())
                        .as("%s at %d", deed.operation, deed.offset)
                        .isEqualTo(IoStatus.OK);
                if (deed.operation == IoOperation.READ) {
                    byte[] expected = Arrays.copyOfRange(before, deed.offset, deed.offset + deed.length);
                    assertSame(asked.get(i).content(), expected, "a read at " + deed.offset, seed);
                } else if (deed.operation == IoOperation.ALLOCATION) {
                    assertOldOrNew(asked.get(i).content(), deed.offset, before);
                }
            }
        }

        private void assertOldOrNew(byte[] found, int offset, byte[] before) {
            for (int at = 0; at < found.length; at += Rig.BLOCK) {
                int from = offset + at;
                boolean old = Arrays.equals(found, at, at + Rig.BLOCK, before, from, from + Rig.BLOCK);
                boolean young = Arrays.equals(found, at, at + Rig.BLOCK, model, from, from + Rig.BLOCK);
                boolean zero = Arrays.equals(found, at, at + Rig.BLOCK, new byte[Rig.BLOCK], 0, Rig.BLOCK);
                assertThat(old || young || zero)
                        .as("a read beside writes at %d finds neither old nor new, seed %d", from, seed)
                        .isTrue();
            }
        }

        private void takeTrimmed(Deed deed, byte[] before) {
            for (int at = deed.offset; at < deed.offset + deed.length; at += Rig.BLOCK) {
                byte[] found = rig.read(at, Rig.BLOCK);
                boolean old = Arrays.equals(found, 0, Rig.BLOCK, before, at, at + Rig.BLOCK);
                boolean zero = Arrays.equals(found, new byte[Rig.BLOCK]);
                assertThat(old || zero).as("trimmed at %d, seed %d", at, seed).isTrue();
                System.arraycopy(found, 0, model, at, Rig.BLOCK);
            }
        }

        /** Writes everything, in pieces and in no order. */
        void writeInRandomPieces(byte[] all) {
            byte[] before = model;
            model = all;
            List<Deed> deeds = new ArrayList<>();
            int longest = Math.min(rig.array.limits().maxTransferBytes(), 1 << 20);
            for (int at = 0; at < model.length; ) {
                int length = Math.min(Math.min(model.length - at, longest), Rig.BLOCK * length(false));
                deeds.add(random.nextInt(deeds.size() + 1), new Deed(IoOperation.WRITE, at, length, 0));
                at += length;
            }
            perform(deeds, before);
        }
    }
}

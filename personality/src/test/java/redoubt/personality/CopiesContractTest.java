package redoubt.personality;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import redoubt.md.Layout;
import redoubt.md.Level;
import redoubt.md.Personality;
import redoubt.md.PersonalityHost;

/** The levels that keep copies keep what every level promises, and their copies agree. */
@Tag("slow")
class CopiesContractTest {

    @Nested
    class Raid0 extends Copies {
        Raid0() {
            super(Level.RAID0);
        }

        @Override
        List<Shape> shapes() {
            return List.of(new Shape(3, 1, 64 << 10, 10), new Shape(2, 1, 4 << 10, 60));
        }
    }

    @Nested
    class Raid1 extends Copies {
        Raid1() {
            super(Level.RAID1);
        }

        @Override
        List<Shape> shapes() {
            return List.of(new Shape(2, 2, 64 << 10, 16), new Shape(3, 3, 4096, 100));
        }
    }

    @Nested
    class Raid10 extends Copies {
        Raid10() {
            super(Level.RAID10);
        }

        @Override
        List<Shape> shapes() {
            return List.of(new Shape(4, 2, 64 << 10, 8), new Shape(6, 2, 8 << 10, 20), new Shape(5, 2, 16 << 10, 14));
        }
    }

    /** What the three have in common. */
    abstract static class Copies extends PersonalityContract {
        private final Level level;

        Copies(Level level) {
            this.level = level;
        }

        @Override
        NearLayout layout(Shape shape) {
            return new NearLayout(shape.slots(), shape.copies(), shape.chunkBytes());
        }

        @Override
        Personality make(PersonalityHost host, Shape shape) {
            return new CopiesPersonality(host, level, layout(shape), shape.chunkBytes());
        }

        @Override
        boolean survives(Shape shape, long lost) {
            Layout layout = layout(shape);
            for (long at = 0; at < layout.capacity(shape.componentBytes()); at += shape.chunkBytes()) {
                int held = 0;
                for (int copy = 0; copy < layout.copies(); copy++) {
                    held += (lost >>> layout.slot(at, copy) & 1) == 0 ? 1 : 0;
                }
                if (held == 0) {
                    return false;
                }
            }
            return true;
        }

        /** Goal: what the tests run without is all that the level promises to do without, and the level says the same. */
        @ParameterizedTest
        @MethodSource("shapes")
        void theLossesToBeSurvivedAreThoseOfTheLevel(Shape shape) {
            List<Long> losses = losses(shape);
            assertThat(losses)
                    .hasSize(
                            switch (level) {
                                case RAID1 -> (1 << shape.slots()) - 2;
                                // Pairs: each whole or without either; where pairs overlap, no two neighbours of a
                                // ring.
                                case RAID10 -> shape.slots() == 5 ? 10 : (int) Math.pow(3, shape.slots() / 2.0) - 1;
                                default -> 0;
                            });
            Personality made = make(null, shape);
            for (long lost = 1; lost < 1L << shape.slots(); lost++) {
                assertThat(made.operational(~lost & (1L << shape.slots()) - 1))
                        .as("without %x", lost)
                        .isEqualTo(losses.contains(lost));
            }
        }

        @Override
        void assertAgree(Shape shape, List<byte[]> members) {
            Layout layout = layout(shape);
            long capacity = layout.capacity(shape.componentBytes());
            for (long at = 0; at < capacity; at += Rig.BLOCK) {
                byte[] first = block(layout, members, at, 0);
                for (int copy = 1; copy < layout.copies(); copy++) {
                    assertSame(block(layout, members, at, copy), first, "copy " + copy + " of " + at, 0);
                }
            }
        }

        private static byte[] block(Layout layout, List<byte[]> members, long at, int copy) {
            int from = (int) layout.memberOffset(at, copy);
            return Arrays.copyOfRange(members.get(layout.slot(at, copy)), from, from + Rig.BLOCK);
        }
    }
}

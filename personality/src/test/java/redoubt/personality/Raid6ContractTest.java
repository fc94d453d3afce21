package redoubt.personality;

import java.util.List;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Tag;
import redoubt.md.Layout;
import redoubt.md.Level;
import redoubt.md.Personality;
import redoubt.md.PersonalityHost;

/** RAID6 keeps what every level promises, with any two members lost, and both parities agree; in three rotations of unlike arithmetic. */
@Tag("slow")
class Raid6ContractTest {

    @Nested
    class LeftSymmetric extends Turned {
        LeftSymmetric() {
            super(ParityRotation.LEFT_SYMMETRIC, new Shape(5, 1, 16 << 10, 6));
        }
    }

    @Nested
    class ParityLast extends Turned {
        ParityLast() {
            super(ParityRotation.PARITY_LAST, new Shape(3, 1, 16 << 10, 7));
        }
    }

    @Nested
    class DdfNContinue extends Turned {
        DdfNContinue() {
            super(ParityRotation.DDF_N_CONTINUE, new Shape(4, 1, 64 << 10, 5));
        }
    }

    /** One rotation. */
    abstract static class Turned extends PersonalityContract {
        private final ParityRotation rotation;
        private final List<Shape> shapes;

        Turned(ParityRotation rotation, Shape... shapes) {
            this.rotation = rotation;
            this.shapes = List.of(shapes);
        }

        @Override
        List<Shape> shapes() {
            return shapes;
        }

        private ParityLayout parityLayout(Shape shape) {
            return new ParityLayout(shape.slots(), 2, shape.chunkBytes(), rotation);
        }

        @Override
        Layout layout(Shape shape) {
            return parityLayout(shape);
        }

        @Override
        Personality make(PersonalityHost host, Shape shape) {
            return new Raid5Personality(host, Level.RAID6, parityLayout(shape));
        }

        @Override
        boolean survives(Shape shape, long lost) {
            return Long.bitCount(lost) <= 2;
        }

        @Override
        void assertAgree(Shape shape, List<byte[]> members) {
            Rig.assertSyndromes(parityLayout(shape), members, shape.chunkBytes() * shape.chunksPerMember());
        }
    }
}

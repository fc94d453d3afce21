package redoubt.personality;

import java.util.List;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Tag;

/** The other rotations of the parity keep the same promises as {@link Raid5ContractTest}'s, each in one shape. */
@Tag("slow")
class ParityRotationContractTest {

    @Nested
    class RightAsymmetric extends Turned {
        RightAsymmetric() {
            super(ParityRotation.RIGHT_ASYMMETRIC);
        }
    }

    @Nested
    class LeftSymmetric extends Turned {
        LeftSymmetric() {
            super(ParityRotation.LEFT_SYMMETRIC);
        }
    }

    @Nested
    class RightSymmetric extends Turned {
        RightSymmetric() {
            super(ParityRotation.RIGHT_SYMMETRIC);
        }
    }

    @Nested
    class ParityFirst extends Turned {
        ParityFirst() {
            super(ParityRotation.PARITY_FIRST);
        }
    }

    @Nested
    class ParityLast extends Turned {
        ParityLast() {
            super(ParityRotation.PARITY_LAST);
        }
    }

    /** One rotation. */
    abstract static class Turned extends Raid5ContractTest {
        private final ParityRotation rotation;

        Turned(ParityRotation rotation) {
            this.rotation = rotation;
        }

        @Override
        ParityRotation rotation() {
            return rotation;
        }

        @Override
        List<Shape> shapes() {
            return List.of(new Shape(4, 1, 16 << 10, 12));
        }
    }
}

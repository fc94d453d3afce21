package redoubt.personality;

import java.util.List;
import org.junit.jupiter.api.Tag;
import redoubt.md.Layout;
import redoubt.md.Level;
import redoubt.md.Personality;
import redoubt.md.PersonalityHost;

/** RAID5 keeps what every level promises, and its parity agrees. */
@Tag("slow")
class Raid5ContractTest extends PersonalityContract {

    @Override
    List<Shape> shapes() {
        return List.of(
                new Shape(3, 1, 64 << 10, 12),
                new Shape(3, 1, 4 << 10, 50),
                new Shape(4, 1, 128 << 10, 5),
                new Shape(5, 1, 16 << 10, 16),
                new Shape(6, 1, 32 << 10, 7));
    }

    ParityRotation rotation() {
        return ParityRotation.LEFT_ASYMMETRIC;
    }

    @Override
    Layout layout(Shape shape) {
        return new ParityLayout(shape.slots(), shape.chunkBytes(), rotation());
    }

    @Override
    Personality make(PersonalityHost host, Shape shape) {
        return new Raid5Personality(host, Level.RAID5, new ParityLayout(shape.slots(), shape.chunkBytes(), rotation()));
    }

    @Override
    boolean survives(Shape shape, long lost) {
        return Long.bitCount(lost) <= 1;
    }

    @Override
    void assertAgree(Shape shape, List<byte[]> members) {
        Rig.assertParity(members, shape.chunkBytes() * shape.chunksPerMember());
    }
}

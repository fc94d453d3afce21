package redoubt.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import redoubt.base.ReclaimSafe;

/** Each kind of what must not be on the way of a request is planted here, and is found; and what is harmless is not. */
class ReclaimProofTest {

    private static final ReclaimProof.Trust NOTHING =
            new ReclaimProof.Trust(Map.of("java/lang/Object.<init>", "every constructor calls it"), Map.of(), Map.of());

    // ---------------------------------------------------------------------------------------------- what is planted

    static class Allocates {
        @Nullable
        Object held;

        @ReclaimSafe
        void enter() {
            held = new Object();
        }
    }

    static class AllocatesArray {
        byte[] held = {};

        @ReclaimSafe
        void enter(int length) {
            held = new byte[length];
        }
    }

    static class Links {
        String said = "";

        @ReclaimSafe
        void enter(int number) {
            said = "number " + number;
        }
    }

    static class Boxes {
        @Nullable
        Object held;

        @ReclaimSafe
        void enter(int number) {
            held = number;
        }
    }

    static class Locks {
        int count;

        @ReclaimSafe
        void enter() {
            synchronized (this) {
                count++;
            }
        }
    }

    static class LocksAsAWhole {
        int count;

        @ReclaimSafe
        synchronized void enter() {
            count++;
        }
    }

    static class Throws {
        @ReclaimSafe
        void enter(int number) {
            if (number < 0) {
                throw new IllegalArgumentException("negative");
            }
        }
    }

    static class LeavesTheWorld {
        @ReclaimSafe
        void enter() {
            System.gc();
        }
    }

    interface Part {
        Object part();
    }

    static class ByInterface implements Part {
        @Override
        public Object part() {
            return new Object();
        }
    }

    static class CallsInterface {
        @ReclaimSafe
        void enter(Part part) {
            part.part();
        }
    }

    interface Callback {
        void back();
    }

    static class MakesLambda {
        final List<Object> made = new ArrayList<>();
        final Callback callback = () -> made.addFirst(new int[2]);
    }

    static class CallsLambda {
        @ReclaimSafe
        void enter(Callback callback) {
            callback.back();
        }
    }

    static class Above {
        int number() {
            return deep(3);
        }

        int deep(int level) {
            return level == 0 ? new int[1].length : deep(level - 1);
        }
    }

    static class Below extends Above {
        @ReclaimSafe
        int enter() {
            return super.number();
        }
    }

    static class Inherits extends ArrayList<Object> {
        private static final long serialVersionUID = 1;

        @ReclaimSafe
        void enter(Object one) {
            add(one);
        }
    }

    static class Overrides extends Inherits {
        private static final long serialVersionUID = 1;

        @Override
        public boolean add(Object one) {
            return false;
        }
    }

    static class Harmless {
        static final IllegalStateException READY = new IllegalStateException("made at start");
        long sum;

        @ReclaimSafe
        void enter(int number) {
            assert number > 0 : "not positive: " + number;
            sum += number;
            if (sum < 0) {
                throw READY;
            }
        }
    }

    static class SaysWhy {
        @Nullable
        Object held;

        @ReclaimSafe
        void enter(Supplier<Object> given) {
            held = given.get();
        }
    }

    // ---------------------------------------------------------------------------------------------- what is found

    @ParameterizedTest
    @CsvSource({
        "Allocates, new java/lang/Object",
        "AllocatesArray, new BYTE[]",
        "Links, invokedynamic makeConcatWithConstants",
        "Boxes, call of java/lang/Integer.valueOf",
        "Locks, monitorenter",
        "LocksAsAWhole, synchronized",
        "Throws, new java/lang/IllegalArgumentException",
        "LeavesTheWorld, call of java/lang/System.gc",
        "CallsInterface, new java/lang/Object",
        "CallsLambda, new INT[]",
        "Below, new INT[]",
        "Inherits, call of java/util/ArrayList.add",
        "SaysWhy, call of java/util/function/Supplier.get",
    })
    void findsWhatIsPlanted(String planted, String found) throws IOException {
        assertThat(proof(NOTHING, planted).findings())
                .extracting(ReclaimProof.Finding::what)
                .contains(found);
    }

    @Test
    void saysByWhichWayItIsReached() throws IOException {
        assertThat(proof(NOTHING, "Below").findings().toString())
                .contains("Above.deep < ", "Above.number < ", "Below.enter");
    }

    @Test
    void findsNothingInWhatIsHarmless() throws IOException {
        assertThat(proof(NOTHING, "Harmless").findings()).isEmpty();
    }

    @Test
    void takesOnTrustWhatIsSaidToBeHarmlessAndSaysWhatWasNot() throws IOException {
        ReclaimProof.Trust trust = new ReclaimProof.Trust(
                Map.of(
                        "java/util/function/Supplier.get in redoubt/testkit/ReclaimProofTest$SaysWhy.enter", "here",
                        "java/util/function/Supplier.get in redoubt/testkit/ReclaimProofTest$Below.enter", "elsewhere"),
                Map.of(),
                Map.of());

        ReclaimProof proof = proof(trust, "SaysWhy");

        assertThat(proof.findings()).isEmpty();
        assertThat(proof.unused())
                .containsExactly("java/util/function/Supplier.get in redoubt/testkit/ReclaimProofTest$Below.enter");
    }

    /** A world of the planted class, and of all that it is there to meet. */
    private static ReclaimProof proof(ReclaimProof.Trust trust, String planted) throws IOException {
        List<byte[]> world = new ArrayList<>();
        for (String name : List.of(planted, "Part", "ByInterface", "Callback", "MakesLambda", "Above", "Overrides")) {
            String file = "ReclaimProofTest$" + name + ".class";
            try (InputStream in = ReclaimProofTest.class.getResourceAsStream(file)) {
                assertThat(in).as(file).isNotNull();
                world.add(in.readAllBytes());
            }
        }
        return new ReclaimProof(world, trust);
    }
}

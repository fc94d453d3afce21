package redoubt.kernfs;

import static java.lang.constant.ConstantDescs.CD_void;

import java.lang.classfile.Opcode;
import java.lang.classfile.instruction.FieldInstruction;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import redoubt.sim.Mutant;

/**
 * Goal: each invariant can fail, and fails for the mistake it is there to find. Method: the mistake is put into the class files of the room
 * ({@link Mutant}), and the same test that passes on the room as it is must fail on that one.
 */
@Tag("slow")
class PlantedMutantsTest {

    private static final MethodTypeDesc NOTHING = MethodTypeDesc.of(CD_void);
    private static final ClassDesc NODE = ClassDesc.of("redoubt.kernfs.KernfsNode");
    private static final ClassDesc TREE = ClassDesc.of("redoubt.kernfs.KernfsTree");
    private static final ClassDesc OPEN_FILE = ClassDesc.of("redoubt.kernfs.OpenFile");

    private final Mutant mutant = new Mutant();

    @Test
    void inv1ARemovalThatDoesNotDrainIsCaught() {
        mutant.always(KernfsNode.class, "isDrained", true);
        assertCaught("inv1RemovalDrains", "removal returned while a store was running");
    }

    @Test
    void inv2ANotifyThatTakesTheTreeLockIsCaught() {
        mutant.first(KernfsAttribute.class, "notifyChange", code -> {
            for (String step : new String[] {"lock", "unlock"}) {
                code.aload(0).invokevirtual(NODE, "tree", MethodTypeDesc.of(TREE));
                code.invokevirtual(TREE, step, NOTHING);
            }
        });
        assertCaught("inv2NotifyTakesNoTreeLock", "a notifier waits for the tree");
    }

    @Test
    void inv3AListWhoseEndIsNullIsCaught() {
        for (String method : new String[] {"<init>", "push", "takeAll", "release"}) {
            endIsNull(NotifyList.class, method);
        }
        endIsNull(KernfsInvariants.class, "inv3ANodeIsOnTheListOnceAtMost");
        assertCaught("inv3ANodeIsOnTheListOnceAtMost", "was put on the list twice");
    }

    private void endIsNull(Class<?> type, String method) {
        mutant.replacing(
                type,
                method,
                element -> element instanceof FieldInstruction field
                        && field.opcode() == Opcode.GETSTATIC
                        && field.name().equalsString("END"),
                (code, element) -> code.aconst_null());
    }

    @Test
    void inv4TellingWithoutTheSupersLockIsCaught() {
        mutant.nothing(SupersLock.class, "lockForReading").nothing(SupersLock.class, "unlockReading");
        assertCaught("inv4UnmountingWaitsForWhoIsTold", "unmounted while being told");
    }

    @Test
    void inv5EventsNotedAfterTheShowAreCaught() {
        mutant.replacing(
                OpenFile.class,
                "show",
                element -> Mutant.calls(element, "noteEvents") || Mutant.calls(element, "runShow"),
                (code, element) -> {
                    if (Mutant.calls(element, "noteEvents")) {
                        code.pop();
                    } else {
                        code.with(element);
                        code.aload(0).invokevirtual(OPEN_FILE, "noteEvents", NOTHING);
                    }
                });
        assertCaught("inv5EventsAreNotedBeforeTheShow", "a change during the show was lost");
    }

    @Test
    void inv7PollersWokenFromTheQueueAreCaught() {
        mutant.without(KernfsAttribute.class, "notifyChange", "wakePollers");
        assertCaught("inv7AHeldSupersLockStallsSubscribersOnly", "pollers woken by the notifier");
    }

    @Test
    void inv7TellingSubscribersWhileSomebodyMountsIsCaught() {
        mutant.nothing(SupersLock.class, "lockForReading").nothing(SupersLock.class, "unlockReading");
        assertCaught("inv7AHeldSupersLockStallsSubscribersOnly", "told while the lock was held for writing");
    }

    private void assertCaught(String invariant, String because) {
        mutant.mustFail(KernfsInvariantsTest.class, invariant, because);
    }
}

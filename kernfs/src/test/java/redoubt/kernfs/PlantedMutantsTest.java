package redoubt.kernfs;

import static java.lang.constant.ConstantDescs.CD_void;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.classfile.CodeBuilder;
import java.lang.classfile.CodeElement;
import java.lang.classfile.CodeTransform;
import java.lang.classfile.Opcode;
import java.lang.classfile.instruction.FieldInstruction;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;
import java.lang.reflect.InvocationTargetException;
import org.junit.jupiter.api.Test;

/**
 * Goal: each invariant can fail, and fails for the mistake it is there to find. Method: the mistake is put into the class files of the room
 * ({@link Mutant}), and the same method of {@link KernfsInvariants} that passes on the room as it is must throw on that one.
 */
class PlantedMutantsTest {

    private static final MethodTypeDesc NOTHING = MethodTypeDesc.of(CD_void);
    private static final ClassDesc NODE = ClassDesc.of("redoubt.kernfs.KernfsNode");
    private static final ClassDesc TREE = ClassDesc.of("redoubt.kernfs.KernfsTree");
    private static final ClassDesc OPEN_FILE = ClassDesc.of("redoubt.kernfs.OpenFile");

    private final Mutant mutant = new Mutant();

    @Test
    void inv1ARemovalThatDoesNotDrainIsCaught() {
        mutant.changing(
                KernfsNode.class, "isDrained", instead(code -> code.iconst_1().ireturn()));
        assertCaught("inv1RemovalDrains", "removal returned while a store was running");
    }

    @Test
    void inv2ANotifyThatTakesTheTreeLockIsCaught() {
        mutant.changing(KernfsAttribute.class, "notifyChange", first(code -> {
            for (String step : new String[] {"lock", "unlock"}) {
                code.aload(0).invokevirtual(NODE, "tree", MethodTypeDesc.of(TREE));
                code.invokevirtual(TREE, step, NOTHING);
            }
        }));
        assertCaught("inv2NotifyTakesNoTreeLock", "a notifier waits for the tree");
    }

    @Test
    void inv3AListWhoseEndIsNullIsCaught() {
        CodeTransform endIsNull = (code, element) -> {
            if (element instanceof FieldInstruction field
                    && field.opcode() == Opcode.GETSTATIC
                    && field.name().equalsString("END")) {
                mutant.planted();
                code.aconst_null();
            } else {
                code.with(element);
            }
        };
        for (String method : new String[] {"<init>", "push", "takeAll", "release"}) {
            mutant.changing(NotifyList.class, method, endIsNull);
        }
        mutant.changing(KernfsInvariants.class, "inv3ANodeIsOnTheListOnceAtMost", endIsNull);
        assertCaught("inv3ANodeIsOnTheListOnceAtMost", "was put on the list twice");
    }

    @Test
    void inv4TellingWithoutTheSupersLockIsCaught() {
        mutant.changing(SupersLock.class, "lockForReading", instead(CodeBuilder::return_));
        mutant.changing(SupersLock.class, "unlockReading", instead(CodeBuilder::return_));
        assertCaught("inv4UnmountingWaitsForWhoIsTold", "unmounted while being told");
    }

    @Test
    void inv5EventsNotedAfterTheShowAreCaught() {
        mutant.changing(OpenFile.class, "show", (code, element) -> {
            if (calls(element, "noteEvents")) {
                mutant.planted();
                code.pop();
                return;
            }
            code.with(element);
            if (calls(element, "runShow")) {
                mutant.planted();
                code.aload(0).invokevirtual(OPEN_FILE, "noteEvents", NOTHING);
            }
        });
        assertCaught("inv5EventsAreNotedBeforeTheShow", "a change during the show was lost");
    }

    @Test
    void inv7PollersWokenFromTheQueueAreCaught() {
        mutant.changing(KernfsAttribute.class, "notifyChange", (code, element) -> {
            if (calls(element, "wakePollers")) {
                mutant.planted();
                code.pop();
            } else {
                code.with(element);
            }
        });
        assertCaught("inv7AHeldSupersLockStallsSubscribersOnly", "pollers woken by the notifier");
    }

    @Test
    void inv7TellingSubscribersWhileSomebodyMountsIsCaught() {
        mutant.changing(SupersLock.class, "lockForReading", instead(CodeBuilder::return_));
        mutant.changing(SupersLock.class, "unlockReading", instead(CodeBuilder::return_));
        assertCaught("inv7AHeldSupersLockStallsSubscribersOnly", "told while the lock was held for writing");
    }

    /** A method does this and nothing else. */
    private CodeTransform instead(java.util.function.Consumer<CodeBuilder> body) {
        return CodeTransform.ofStateful(() -> new CodeTransform() {
            private boolean written;

            @Override
            public void accept(CodeBuilder code, CodeElement element) {
                if (!written) {
                    written = true;
                    mutant.planted();
                    body.accept(code);
                }
            }
        });
    }

    /** A method does this first. */
    private CodeTransform first(java.util.function.Consumer<CodeBuilder> step) {
        return new CodeTransform() {
            @Override
            public void atStart(CodeBuilder code) {
                mutant.planted();
                step.accept(code);
            }

            @Override
            public void accept(CodeBuilder code, CodeElement element) {
                code.with(element);
            }
        };
    }

    private static boolean calls(CodeElement element, String method) {
        return element instanceof InvokeInstruction call && call.name().equalsString(method);
    }

    private void assertCaught(String invariant, String because) {
        assertThatThrownBy(() -> {
                    try {
                        mutant.loadClass(KernfsInvariants.class.getName())
                                .getMethod(invariant)
                                .invoke(null);
                    } catch (InvocationTargetException thrown) {
                        throw thrown.getCause();
                    }
                })
                .as("a room with a mistake passes %s", invariant)
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining(because);
        assertThat(mutant.plantings()).as("how often the mistake was put in").isPositive();
    }
}

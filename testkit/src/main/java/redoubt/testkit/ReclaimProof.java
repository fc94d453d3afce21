package redoubt.testkit;

import java.io.IOException;
import java.lang.classfile.Attributes;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.CodeElement;
import java.lang.classfile.Label;
import java.lang.classfile.MethodModel;
import java.lang.classfile.Opcode;
import java.lang.classfile.constantpool.MethodHandleEntry;
import java.lang.classfile.instruction.BranchInstruction;
import java.lang.classfile.instruction.FieldInstruction;
import java.lang.classfile.instruction.InvokeDynamicInstruction;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.classfile.instruction.LabelTarget;
import java.lang.classfile.instruction.MonitorInstruction;
import java.lang.classfile.instruction.NewMultiArrayInstruction;
import java.lang.classfile.instruction.NewObjectInstruction;
import java.lang.classfile.instruction.NewPrimitiveArrayInstruction;
import java.lang.classfile.instruction.NewReferenceArrayInstruction;
import java.lang.reflect.AccessFlag;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Walks everything that can run below the methods marked {@code @ReclaimSafe}, over class files, and finds what may need memory or a lock: an
 * allocation, a call site that is linked when it is first reached, a monitor, and each call that leads out of the world it was given.
 *
 * <p>The world is closed: a virtual call goes to every class in it that is of the receiver's type, and to every lambda that stands anywhere in it
 * for the interface. That is more than can happen, never less. What leads out of it, into the JDK, is refused unless the {@link Trust} says why
 * it is harmless. What only {@code assert} runs is passed over: assertions are off where data is served.
 *
 * <p>An array's store, an initializer of a class and what the virtual machine itself does are not looked at; for those is the rehearsal.
 */
public final class ReclaimProof {

    /**
     * What the proof does not look into, each with the reason for which it need not.
     *
     * @param leaves calls out of the world: {@code java/lang/Math.*} for all of a class, {@code java/lang/Math.min} for one, or {@code
     *     java/lang/Runnable.run in redoubt/md/Array.stop} for one at one place
     * @param boundaries methods of the world that are not entered: {@code redoubt/md/Array.stop}
     * @param news classes of which instances may be made
     */
    public record Trust(Map<String, String> leaves, Map<String, String> boundaries, Map<String, String> news) {}

    /**
     * Something that is not safe in reclaim.
     *
     * @param what such as {@code new java/lang/Object}
     * @param chain where it stands, and by whom that is called, up to the method that is marked
     */
    public record Finding(String what, String chain) {
        @Override
        public String toString() {
            return what + " in " + chain;
        }
    }

    private static final String MARK = "Lredoubt/base/ReclaimSafe;";
    private static final String ASSERTIONS = "$assertionsDisabled";
    private static final String LAMBDAS = "java/lang/invoke/LambdaMetafactory";

    private record Method(String owner, String name, String type) {
        String shortly() {
            return owner.substring(owner.lastIndexOf('/') + 1) + "." + name;
        }

        String key() {
            return owner + "." + name;
        }
    }

    private final Map<String, ClassModel> classes = new TreeMap<>();
    private final Map<String, List<String>> below = new HashMap<>();
    private final Map<String, List<Method>> lambdas = new HashMap<>();
    private final Trust trust;
    private final Map<Method, Method> cameFrom = new LinkedHashMap<>();
    private final Deque<Method> toDo = new ArrayDeque<>();
    private final Set<String> used = new HashSet<>();
    private final List<Finding> findings = new ArrayList<>();

    /** Reads the world. */
    public ReclaimProof(Collection<byte[]> classFiles, Trust trust) throws IOException {
        this.trust = trust;
        for (byte[] file : classFiles) {
            ClassModel read = ClassFile.of().parse(file);
            classes.put(read.thisClass().asInternalName(), read);
        }
        for (ClassModel model : classes.values()) {
            String name = model.thisClass().asInternalName();
            for (String above : directlyAbove(model)) {
                below.computeIfAbsent(above, none -> new ArrayList<>()).add(name);
            }
            for (MethodModel method : model.methods()) {
                method.code().ifPresent(code -> {
                    for (CodeElement element : code) {
                        if (element instanceof InvokeDynamicInstruction call) {
                            noteLambda(call);
                        }
                    }
                });
            }
        }
        walk();
    }

    /** What was found, nothing twice. */
    public List<Finding> findings() {
        return List.copyOf(new LinkedHashSet<>(findings));
    }

    /** How many methods were walked. */
    public int methods() {
        return cameFrom.size();
    }

    /** What is trusted and was never met: it says something that is not so any more. */
    public List<String> unused() {
        List<String> all = new ArrayList<>(trust.leaves().keySet());
        all.addAll(trust.boundaries().keySet());
        all.addAll(trust.news().keySet());
        all.removeAll(used);
        return all;
    }

    private void noteLambda(InvokeDynamicInstruction call) {
        if (!call.bootstrapMethod().owner().descriptorString().equals("L" + LAMBDAS + ";")) {
            return;
        }
        String made = call.typeSymbol().returnType().descriptorString();
        MethodHandleEntry target =
                (MethodHandleEntry) call.invokedynamic().bootstrap().arguments().get(1);
        Method body = new Method(
                target.reference().owner().asInternalName(),
                target.reference().name().stringValue(),
                target.reference().type().stringValue());
        lambdas.computeIfAbsent(
                        made.substring(1, made.length() - 1) + "." + call.name().stringValue(),
                        none -> new ArrayList<>())
                .add(body);
    }

    private static List<String> directlyAbove(ClassModel model) {
        List<String> above = new ArrayList<>();
        model.superclass().ifPresent(entry -> above.add(entry.asInternalName()));
        model.interfaces().forEach(entry -> above.add(entry.asInternalName()));
        return above;
    }

    // ---------------------------------------------------------------------------------------------- the walk

    private void walk() {
        for (ClassModel model : classes.values()) {
            for (MethodModel method : model.methods()) {
                if (isMarked(method)) {
                    Method entry = new Method(
                            model.thisClass().asInternalName(),
                            method.methodName().stringValue(),
                            method.methodType().stringValue());
                    cameFrom.put(entry, entry);
                    toDo.add(entry);
                }
            }
        }
        while (!toDo.isEmpty()) {
            look(toDo.remove());
        }
    }

    private static boolean isMarked(MethodModel method) {
        return method.findAttribute(Attributes.runtimeInvisibleAnnotations())
                .map(marks -> marks.annotations().stream()
                        .anyMatch(mark -> mark.className().equalsString(MARK)))
                .orElse(false);
    }

    private void look(Method at) {
        MethodModel method = declared(at.owner(), at.name(), at.type());
        if (method == null || method.code().isEmpty()) {
            found(at, "a native or missing body");
            return;
        }
        if (method.flags().has(AccessFlag.SYNCHRONIZED)) {
            found(at, "synchronized");
        }
        Label assertionEnds = null;
        boolean assertionBegins = false;
        for (CodeElement element : method.code().get()) {
            if (element instanceof LabelTarget target && target.label().equals(assertionEnds)) {
                assertionEnds = null;
            }
            if (assertionEnds != null) {
                continue;
            }
            if (assertionBegins && element instanceof BranchInstruction branch) {
                assertionBegins = false;
                if (branch.opcode() == Opcode.IFNE) {
                    assertionEnds = branch.target();
                }
                continue;
            }
            if (element instanceof FieldInstruction field && field.name().equalsString(ASSERTIONS)) {
                assertionBegins = true;
            }
            look(at, element);
        }
    }

    private void look(Method at, CodeElement element) {
        switch (element) {
            case NewObjectInstruction made -> {
                if (!trusts(trust.news(), made.className().asInternalName())) {
                    found(at, "new " + made.className().asInternalName());
                }
            }
            case NewPrimitiveArrayInstruction made -> found(at, "new " + made.typeKind() + "[]");
            case NewReferenceArrayInstruction made ->
                found(at, "new " + made.componentType().asInternalName() + "[]");
            case NewMultiArrayInstruction made ->
                found(at, "new " + made.arrayType().asInternalName());
            case InvokeDynamicInstruction call ->
                found(at, "invokedynamic " + call.name().stringValue());
            case MonitorInstruction monitor -> found(at, monitor.opcode().name().toLowerCase(Locale.ROOT));
            case InvokeInstruction call -> follow(at, call);
            default -> {}
        }
    }

    private void follow(Method at, InvokeInstruction call) {
        String owner = call.owner().asInternalName();
        String name = call.name().stringValue();
        String type = call.type().stringValue();
        boolean fixed = call.opcode() == Opcode.INVOKESTATIC || call.opcode() == Opcode.INVOKESPECIAL;
        Set<Method> targets = new LinkedHashSet<>();
        for (String receiver : fixed ? List.of(owner) : ofType(owner)) {
            Method target = inherited(receiver, name, type);
            if (target != null) {
                targets.add(target);
            }
            if (!fixed) {
                targets.addAll(lambdas.getOrDefault(receiver + "." + name, List.of()));
            }
        }
        if (!knows(owner, name, type)) { // may be the JDK's, though a class of the world has its own
            String outside = firstOutside(owner);
            if (!outside.startsWith("[") && !isTrustedMaking(name, outside) && !leads(at, outside, name)) {
                found(at, "call of " + outside + "." + name);
            }
        } else if (targets.isEmpty()) {
            found(at, "call of " + owner + "." + name + ", which nobody has");
        }
        if (!classes.containsKey(owner)) {
            return; // through a type of the JDK it may come to anything: that is what had to be trusted
        }
        for (Method target : targets) {
            if (!trusts(trust.boundaries(), target.key()) && cameFrom.putIfAbsent(target, at) == null) {
                toDo.add(target);
            }
        }
    }

    private boolean isTrustedMaking(String name, String owner) {
        return name.equals("<init>") && trusts(trust.news(), owner);
    }

    private boolean leads(Method at, String owner, String name) {
        String called = owner + "." + name;
        return trusts(trust.leaves(), called + " in " + at.key())
                || trusts(trust.leaves(), called)
                || trusts(trust.leaves(), owner + ".*");
    }

    private boolean trusts(Map<String, String> what, String key) {
        if (!what.containsKey(key)) {
            return false;
        }
        used.add(key);
        return true;
    }

    private void found(Method at, String what) {
        StringBuilder chain = new StringBuilder(at.shortly());
        Method step = at;
        while (true) {
            Method above = cameFrom.get(step);
            if (above == null || above.equals(step)) {
                break;
            }
            chain.append(" < ").append(above.shortly());
            step = above;
        }
        findings.add(new Finding(what, chain.toString()));
    }

    // ---------------------------------------------------------------------------------------------- the world

    private Set<String> ofType(String type) {
        Set<String> all = new LinkedHashSet<>();
        Deque<String> open = new ArrayDeque<>(List.of(type));
        while (!open.isEmpty()) {
            String next = open.remove();
            if (all.add(next)) {
                open.addAll(below.getOrDefault(next, List.of()));
            }
        }
        return all;
    }

    /** The class itself, or the superclass from which it has what the world does not declare. */
    private String firstOutside(String owner) {
        String name = owner;
        while (true) {
            ClassModel model = classes.get(name);
            if (model == null || model.superclass().isEmpty()) {
                return name;
            }
            name = model.superclass().get().asInternalName();
        }
    }

    /** Whether the world declares the method for receivers of this type, with a body or without. */
    private boolean knows(String owner, String name, String type) {
        Deque<String> open = new ArrayDeque<>(List.of(owner));
        Set<String> seen = new HashSet<>();
        while (!open.isEmpty()) {
            String next = open.remove();
            ClassModel model = classes.get(next);
            if (model != null && seen.add(next)) {
                if (declared(next, name, type) != null) {
                    return true;
                }
                open.addAll(directlyAbove(model));
            }
        }
        return false;
    }

    private @Nullable MethodModel declared(String owner, String name, String type) {
        ClassModel model = classes.get(owner);
        if (model == null) {
            return null;
        }
        for (MethodModel method : model.methods()) {
            if (method.methodName().equalsString(name) && method.methodType().equalsString(type)) {
                return method;
            }
        }
        return null;
    }

    /** The body that a receiver of this class runs: its own, its superclass's, else an interface's default. */
    private @Nullable Method inherited(String receiver, String name, String type) {
        Deque<String> open = new ArrayDeque<>(List.of(receiver));
        Set<String> seen = new HashSet<>();
        while (!open.isEmpty()) {
            String next = open.remove();
            ClassModel model = classes.get(next);
            if (model == null || !seen.add(next)) {
                continue;
            }
            MethodModel method = declared(next, name, type);
            if (method != null && (method.code().isPresent() || method.flags().has(AccessFlag.NATIVE))) {
                return new Method(next, name, type);
            }
            model.superclass().ifPresent(entry -> open.addFirst(entry.asInternalName()));
            model.interfaces().forEach(entry -> open.addLast(entry.asInternalName()));
        }
        return null;
    }
}

package redoubt.sim;

import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassHierarchyResolver;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.CodeElement;
import java.lang.classfile.CodeTransform;
import java.lang.classfile.MethodModel;
import java.lang.classfile.MethodTransform;
import java.lang.classfile.Opcode;
import java.lang.classfile.TypeKind;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A room with a mistake in it, to see whether a test finds it: class files of the room, a method or two of them changed, laid before the room's
 * own on the class path of a virtual machine that does nothing but run the test. So the production code needs no place where a mistake could
 * be put in, and whatever the mistake leaves behind, locks that nobody holds and threads that spin, ends with that machine.
 *
 * <p>{@link #mustFail} runs a test method twice: here, where nothing is wrong and it has to pass, and there, where it has to fail, and to say the
 * words it is expected to. A test that hangs there has found nothing.
 *
 * <p>For one thread. Meant for tests, whose rooms are on the class path.
 */
public final class Mutant {

    private static final long LIMIT_SECONDS = 60;

    private final Map<Class<?>, Map<String, CodeTransform>> changes = new HashMap<>(); // by class, then by method
    private final Set<String> awaited = new HashSet<>(); // changes that have changed nothing yet
    private boolean assertions = true;

    /** Makes a room without a mistake. */
    public Mutant() {}

    /** The room's own assertions say nothing: the test has to find it by what happens. */
    public Mutant withoutAssertions() {
        assertions = false;
        return this;
    }

    // what a mistake can be

    /** A method always gives this. */
    public Mutant always(Class<?> type, String method, boolean given) {
        return instead(type, method, code -> code.loadConstant(given ? 1 : 0).ireturn());
    }

    /** A method does nothing; it must be one that gives nothing. */
    public Mutant nothing(Class<?> type, String method) {
        return instead(type, method, CodeBuilder::return_);
    }

    /** A method does this and nothing else. */
    public Mutant instead(Class<?> type, String method, Consumer<CodeBuilder> body) {
        return changing(
                type,
                method,
                mark -> CodeTransform.ofStateful(() -> new CodeTransform() {
                    @Override
                    public void atStart(CodeBuilder code) {
                        mark.run();
                        body.accept(code);
                    }

                    @Override
                    public void accept(CodeBuilder code, CodeElement element) {}
                }));
    }

    /** A method does this first. */
    public Mutant first(Class<?> type, String method, Consumer<CodeBuilder> step) {
        return changing(type, method, mark -> new CodeTransform() {
            @Override
            public void atStart(CodeBuilder code) {
                mark.run();
                step.accept(code);
            }

            @Override
            public void accept(CodeBuilder code, CodeElement element) {
                code.with(element);
            }
        });
    }

    /** A method leaves out its calls of another one; where that one gives something, it is false, zero or null. */
    public Mutant without(Class<?> type, String method, String called) {
        return replacing(type, method, element -> calls(element, called), (code, element) -> leaveOut(code, element));
    }

    /** A method makes its first call of {@code called} only behind its first call of {@code moment}; neither may give or take anything but its object. */
    public Mutant after(Class<?> type, String method, String called, String moment) {
        return changing(
                type,
                method,
                mark -> CodeTransform.ofStateful(() -> new CodeTransform() {
                    private @Nullable InvokeInstruction moved;
                    private int held;

                    @Override
                    public void accept(CodeBuilder code, CodeElement element) {
                        if (moved == null && calls(element, called)) {
                            moved = (InvokeInstruction) element;
                            held = code.allocateLocal(TypeKind.REFERENCE);
                            code.astore(held);
                            return;
                        }
                        code.with(element);
                        InvokeInstruction late = moved;
                        if (late != null && held >= 0 && calls(element, moment)) {
                            code.aload(held).with(late);
                            held = -1;
                            mark.run();
                        }
                    }
                }));
    }

    /** In a method, what {@code which} finds becomes what {@code with} writes. */
    public Mutant replacing(Class<?> type, String method, Predicate<CodeElement> which, Replacement with) {
        return changing(type, method, mark -> (code, element) -> {
            if (which.test(element)) {
                mark.run();
                with.write(code, element);
            } else {
                code.with(element);
            }
        });
    }

    /** What is written in place of an element. */
    @FunctionalInterface
    public interface Replacement {
        /** Writes it. */
        void write(CodeBuilder code, CodeElement element);
    }

    /** Whether this calls a method of that name. */
    public static boolean calls(CodeElement element, String method) {
        return element instanceof InvokeInstruction call && call.name().equalsString(method);
    }

    private static void leaveOut(CodeBuilder code, CodeElement element) {
        InvokeInstruction call = (InvokeInstruction) element;
        MethodTypeDesc type = call.typeSymbol();
        for (ClassDesc parameter : type.parameterList().reversed()) {
            pop(code, parameter);
        }
        if (call.opcode() != Opcode.INVOKESTATIC) {
            code.pop();
        }
        switch (TypeKind.from(type.returnType())) {
            case VOID -> {}
            case LONG -> code.lconst_0();
            case DOUBLE -> code.dconst_0();
            case FLOAT -> code.fconst_0();
            case REFERENCE -> code.aconst_null();
            case BOOLEAN, BYTE, CHAR, SHORT, INT -> code.iconst_0();
        }
    }

    private static void pop(CodeBuilder code, ClassDesc type) {
        if (TypeKind.from(type).slotSize() == 2) {
            code.pop2();
        } else {
            code.pop();
        }
    }

    private Mutant changing(Class<?> type, String method, Function<Runnable, CodeTransform> change) {
        String what = type.getName() + "." + method;
        awaited.add(what);
        changes.computeIfAbsent(type, each -> new HashMap<>()).put(method, change.apply(() -> awaited.remove(what)));
        return this;
    }

    // whether it is found

    /**
     * Demands that a test fails where the mistake is, and does not where nothing is wrong.
     *
     * @param because words that the failure, or what caused it, must say
     * @param arguments of the test method: whole numbers, booleans or texts
     * @throws AssertionError if it passes there, or says something else, or hangs, or fails without the mistake
     */
    public void mustFail(Class<?> test, String method, String because, Object... arguments) {
        List<String> words = new ArrayList<>();
        for (Object argument : arguments) {
            words.add(argument.toString());
        }
        try {
            call(test, method, words);
        } catch (Throwable wrong) {
            throw new AssertionError(method + " fails where nothing is wrong", wrong);
        }
        try {
            Path before = Files.createTempDirectory("mutant");
            try {
                String said = failureWith(before, test, method, words);
                if (!said.contains(because)) {
                    throw new AssertionError("%s fails, and does not say '%s':%n%s".formatted(method, because, said));
                }
            } finally {
                delete(before);
            }
        } catch (IOException | InterruptedException wrong) {
            throw new IllegalStateException(wrong);
        }
    }

    private String failureWith(Path before, Class<?> test, String method, List<String> arguments)
            throws IOException, InterruptedException {
        for (Map.Entry<Class<?>, Map<String, CodeTransform>> change : changes.entrySet()) {
            write(before, change.getKey(), change.getValue());
        }
        if (!awaited.isEmpty()) {
            throw new IllegalArgumentException("the mistake was never put in: " + awaited);
        }
        Path output = before.resolve("output");
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                assertions ? "-ea" : "-da",
                "--enable-native-access=ALL-UNNAMED",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Xmx256m",
                "-cp",
                before + System.getProperty("path.separator") + System.getProperty("java.class.path"),
                Mutant.class.getName(),
                test.getName(),
                method));
        command.addAll(arguments);
        Process machine = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        boolean ended = machine.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS);
        if (!ended) {
            machine.destroyForcibly().waitFor();
        }
        String said = Files.readString(output);
        if (!ended) {
            throw new AssertionError("%s hangs with the mistake:%n%s".formatted(method, said));
        }
        if (machine.exitValue() == 0) {
            throw new AssertionError("a room with a mistake passes " + method);
        }
        if (machine.exitValue() != FAILED) {
            throw new AssertionError("%s could not be run with the mistake:%n%s".formatted(method, said));
        }
        return said;
    }

    private static void write(Path before, Class<?> type, Map<String, CodeTransform> methods) throws IOException {
        String name = type.getName().replace('.', '/') + ".class";
        byte[] bytes;
        try (InputStream file = type.getClassLoader().getResourceAsStream(name)) {
            bytes = Objects.requireNonNull(file, name).readAllBytes();
        }
        Path to = before.resolve(name);
        Files.createDirectories(to.getParent());
        Files.write(to, changed(type, bytes, methods));
    }

    private static byte[] changed(Class<?> type, byte[] file, Map<String, CodeTransform> methods) {
        ClassFile format = ClassFile.of(ClassFile.ClassHierarchyResolverOption.of(
                ClassHierarchyResolver.ofResourceParsing(type.getClassLoader())));
        return format.transformClass(format.parse(file), (out, element) -> {
            CodeTransform change = element instanceof MethodModel method
                    ? methods.get(method.methodName().stringValue())
                    : null;
            if (change == null) {
                out.with(element);
            } else {
                out.transformMethod((MethodModel) element, MethodTransform.transformingCode(change));
            }
        });
    }

    private static void delete(Path directory) throws IOException {
        try (Stream<Path> all = Files.walk(directory)) {
            for (Path each : all.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(each);
            }
        }
    }

    // the machine that runs one test

    private static final int NOT_RUN = 2;
    private static final int FAILED = 3;

    /** Runs a test method: class, method, arguments. Exits 0 if it passes, 3 if it fails, and says why. */
    public static void main(String[] words) {
        int status = 0;
        try {
            call(Class.forName(words[0]), words[1], List.of(words).subList(2, words.length));
        } catch (Throwable failure) {
            status = failure instanceof ReflectiveOperationException ? NOT_RUN : FAILED;
            StringWriter why = new StringWriter();
            failure.printStackTrace(new PrintWriter(why)); // tidy: into a text
            System.err.println(why); // tidy: to the machine that started this one
        }
        Runtime.getRuntime().halt(status); // tidy: whatever threads the mistake has left behind
    }

    private static void call(Class<?> test, String name, List<String> words) throws Throwable {
        for (Method method : test.getDeclaredMethods()) {
            if (method.getName().equals(name) && method.getParameterCount() == words.size()) {
                Object[] arguments = new Object[words.size()];
                for (int i = 0; i < arguments.length; i++) {
                    arguments[i] = parsed(method.getParameterTypes()[i], words.get(i));
                }
                Constructor<?> constructor = test.getDeclaredConstructor();
                constructor.setAccessible(true);
                method.setAccessible(true);
                try {
                    method.invoke(constructor.newInstance(), arguments);
                } catch (InvocationTargetException thrown) {
                    throw thrown.getTargetException();
                }
                return;
            }
        }
        throw new NoSuchMethodException(test.getName() + "." + name);
    }

    private static Object parsed(Class<?> type, String word) {
        if (type == boolean.class) {
            return Boolean.parseBoolean(word);
        }
        if (type == int.class) {
            return Integer.parseInt(word);
        }
        return type == long.class ? Long.parseLong(word) : word;
    }
}

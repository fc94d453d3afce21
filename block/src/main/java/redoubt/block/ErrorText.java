package redoubt.block;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.charset.Charset;
import java.util.Locale;

/**
 * What the C library calls an error, in the language of this process: the words that a Java {@code IOException} carries in the place of the number. Who has to
 * know an error by an exception compares with these; words of one language are in no exception of another. Cold; any thread.
 */
public final class ErrorText {

    private static final int LONGEST_BYTES = 1024;

    private ErrorText() {}

    /** The words for an error, by Linux's errno; where nobody can be asked, its number. */
    public static String of(int number) {
        return of(number, "error " + number);
    }

    /**
     * The words for an error.
     *
     * @param number Linux's errno
     * @param elsewhere the answer where this is not Linux, or native calls are not allowed
     */
    public static String of(int number, String elsewhere) {
        boolean linux =
                System.getProperty("os.name", "").toLowerCase(Locale.ROOT).equals("linux");
        return linux && ErrorText.class.getModule().isNativeAccessEnabled() ? asked(number) : elsewhere;
    }

    @SuppressWarnings("restricted")
    private static String asked(int number) {
        try {
            MemorySegment text = ((MemorySegment) Call.STRERROR.invokeExact(number)).reinterpret(LONGEST_BYTES);
            byte[] bytes = new byte[LONGEST_BYTES];
            int length = 0;
            byte next = text.get(ValueLayout.JAVA_BYTE, length);
            while (next != 0) {
                bytes[length++] = next;
                next = text.get(ValueLayout.JAVA_BYTE, length);
            }
            return new String(bytes, 0, length, Charset.forName(System.getProperty("sun.jnu.encoding", "UTF-8")));
        } catch (Throwable impossible) {
            throw Linux.broken(impossible);
        }
    }

    /** Made when the first error is named. */
    private static final class Call {
        static final MethodHandle STRERROR = handle();

        @SuppressWarnings("restricted")
        private static MethodHandle handle() {
            Linker linker = Linker.nativeLinker();
            return linker.downcallHandle(
                    linker.defaultLookup().findOrThrow("strerror"),
                    FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.JAVA_INT));
        }
    }
}

package redoubt.md;

import java.util.regex.Pattern;
import redoubt.kernfs.AttributeValue;
import redoubt.kernfs.Errno;
import redoubt.kernfs.KernfsAttribute;
import redoubt.kernfs.Outcome;

/**
 * The attribute {@code dev} of what this process serves: the number of the block device that stands for it on this machine, which nobody
 * here knows. Whoever has made such a device stores its number, for those who will look for it here, as they do under {@code /sys/block}; until
 * then it is {@code 0:0}.
 */
public final class DeviceNumber {

    private static final Pattern NUMBER = Pattern.compile("[0-9]{1,4}:[0-9]{1,7}");
    private static final Outcome NOT_A_NUMBER =
            Outcome.refused(Errno.EINVAL, "this is the number of a block device, such as 7:0");

    private volatile String number = "0:0";

    /** The attribute, to be put into a tree once. */
    public KernfsAttribute attribute() {
        return KernfsAttribute.readWrite("dev", out -> out.append(number).line(), this::store);
    }

    private Outcome store(AttributeValue value) {
        String text = value.text();
        if (!NUMBER.matcher(text).matches()) {
            return NOT_A_NUMBER;
        }
        number = text;
        return Outcome.OK;
    }
}

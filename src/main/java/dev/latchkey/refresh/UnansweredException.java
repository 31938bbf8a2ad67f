package dev.latchkey.refresh;

import java.io.Serial;

/** A refresh that can't be answered here and now, though it may be by another replica, or later: never taken for theft. */
class UnansweredException extends RuntimeException {

    @Serial
    private static final long serialVersionUID = 1;

    UnansweredException(String why) {
        super(why);
    }
}

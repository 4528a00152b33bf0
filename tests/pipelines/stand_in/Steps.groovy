/** The block `steps`, and what is in it. */
class Steps {
    private final Build build

    Steps(Build build) {
        this.build = build
    }

    def methodMissing(String name, arguments) {
        build.step(name, arguments as Object[])
    }

    def propertyMissing(String name) {
        build.lookUp(name)
    }
}

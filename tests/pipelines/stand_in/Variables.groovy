/** The block `environment`. */
class Variables {
    private final Build build
    private final Map variables

    Variables(Build build, Map variables) {
        this.build = build
        this.variables = variables
    }

    def propertyMissing(String name) {
        build.lookUp(name)
    }

    void propertyMissing(String name, value) {
        variables[name] = value as String
    }
}

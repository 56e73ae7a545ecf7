namespace PgCluster.Engine.Pooling;

/// <summary>The arguments of a PgBouncer, by the rules of getopt_long: short options in one word, long ones shortened, the value of -u.</summary>
public static class PgBouncerArguments
{
    private const string Reboot = "reboot";
    private const string User = "user";
    private const string Daemon = "daemon";

    /// <summary>Whether they send it to the background.</summary>
    /// <param name="arguments">Without the program.</param>
    public static bool AreOfDaemon(IReadOnlyList<string> arguments) => Read(arguments).Any(o => o.Flags.Contains('d', StringComparison.Ordinal));

    /// <summary>The same arguments for the process that takes over: whatever asks for a takeover is left out, -R comes first.</summary>
    /// <param name="arguments">Of the running process, without the program.</param>
    public static IReadOnlyList<string> ForSuccessor(IReadOnlyList<string> arguments) => ["-R", .. Read(arguments).SelectMany(o => o.WithoutReboot())];

    private static IEnumerable<Option> Read(IReadOnlyList<string> arguments)
    {
        for (var i = 0; i < arguments.Count; i++)
        {
            var word = arguments[i];
            if (word == "--")
            {
                foreach (var rest in arguments.Skip(i))
                {
                    yield return new Option("", [rest]);
                }

                yield break;
            }

            if (word.StartsWith("--", StringComparison.Ordinal))
            {
                // A shortened name will do where it is the only one: of this program's options one begins with r, one with u and one with d.
                var name = word[2..];
                yield return Reboot.StartsWith(name, StringComparison.Ordinal) ? new Option("R", [])
                    : Daemon.StartsWith(name, StringComparison.Ordinal) ? new Option("d", [])
                    : User.StartsWith(name, StringComparison.Ordinal) && i + 1 < arguments.Count ? new Option("", [word, arguments[++i]])
                    : new Option("", [word]);
            }
            else if (word is ['-', _, ..])
            {
                // What follows -u in the same word is its value, and may have an R in it.
                var user = word.IndexOf('u', StringComparison.Ordinal);
                if (user < 0)
                {
                    yield return new Option(word[1..], []);
                    continue;
                }

                var value = user == word.Length - 1 && i + 1 < arguments.Count ? arguments[++i] : null;
                yield return new Option(word[1..user], value is null ? ["-" + word[user..]] : ["-u", value]);
            }
            else
            {
                yield return new Option("", [word]);
            }
        }
    }

    /// <summary>Options without a value, by their letters, and words that stay as they are.</summary>
    private sealed record Option(string Flags, IReadOnlyList<string> Words)
    {
        public IEnumerable<string> WithoutReboot()
        {
            var flags = Flags.Replace("R", "", StringComparison.Ordinal);
            return flags.Length > 0 ? Words.Prepend("-" + flags) : Words;
        }
    }
}

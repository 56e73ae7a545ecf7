namespace PgCluster.Bench.Unplanned;

/// <summary>The command line.</summary>
internal sealed record UnplannedOptions
{
    public const string Usage = """
        usage: [--fault NAME[,NAME]|all] [--contender NAME[,NAME]|all] [--rounds N] [--warmup SECONDS] [--writers N] [--pace MS]
               [--seed N] [--agent PATH] [--json] [--markdown FILE] [--keep DIRECTORY]

          --fault      postmaster-kill, power-cut                                         (all)
          --contender  ours, ours-fast, patroni, patroni-small                            (all that can run here)
          --rounds     how often each fault is done to each contender                     (5)
          --warmup     how long it is under load before; up to ten seconds more are left to chance  (35)
          --writers    clients that commit all the time, on the route of the contender's users  (16)
          --pace       milliseconds each of them rests between two commits                (4)
          --seed       of what is left to chance; the same one repeats a run              (1)
          --agent      the executable pgcluster                                           (the one built with this)
          --markdown   writes the table of results there
          --keep       keeps the logs of every round there
        """;

    public IReadOnlyList<string> Faults { get; init; } = ["all"];
    public IReadOnlyList<string> Contenders { get; init; } = ["all"];
    public int Rounds { get; init; } = 5;
    public TimeSpan Warmup { get; init; } = TimeSpan.FromSeconds(35);
    public int Writers { get; init; } = 16;
    public TimeSpan Pace { get; init; } = TimeSpan.FromMilliseconds(4);
    public int Seed { get; init; } = 1;
    public string? Agent { get; init; }
    public bool Json { get; init; }
    public string? Markdown { get; init; }
    public string? Keep { get; init; }

    /// <summary>Reads the arguments.</summary>
    /// <exception cref="FormatException">They cannot be used; the message says why.</exception>
    public static UnplannedOptions Parse(string[] arguments)
    {
        var options = new UnplannedOptions();
        var left = new ArgumentReader(arguments);
        while (left.TryNext(out var name))
        {
            options = name switch
            {
                "--fault" => options with { Faults = left.Value().Split(',') },
                "--contender" => options with { Contenders = left.Value().Split(',') },
                "--rounds" => options with { Rounds = (int)left.Number(1) },
                "--warmup" => options with { Warmup = TimeSpan.FromSeconds(left.Number(0)) },
                "--writers" => options with { Writers = (int)left.Number(1) },
                "--pace" => options with { Pace = TimeSpan.FromMilliseconds(left.Number(0)) },
                "--seed" => options with { Seed = (int)left.Number(0) },
                "--agent" => options with { Agent = Path.GetFullPath(left.Value()) },
                "--json" => options with { Json = true },
                "--markdown" => options with { Markdown = Path.GetFullPath(left.Value()) },
                "--keep" => options with { Keep = Path.GetFullPath(left.Value()) },
                _ => throw new FormatException($"unknown argument {name}"),
            };
        }

        return options;
    }

    /// <summary>Those of a set that were asked for by name.</summary>
    /// <exception cref="FormatException">One has a name that nobody has.</exception>
    public static IReadOnlyList<T> Choose<T>(IReadOnlyList<string> names, IReadOnlyList<T> all, Func<T, string> nameOf) => names is ["all"]
        ? all
        : [.. names.Select(name => all.FirstOrDefault(one => nameOf(one) == name)
            ?? throw new FormatException($"{name} is none of {string.Join(", ", all.Select(nameOf))}"))];
}

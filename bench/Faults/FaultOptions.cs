using PgCluster.Bench.Hosts;

namespace PgCluster.Bench.Faults;

/// <summary>The command line of the fault suite.</summary>
internal sealed record FaultOptions
{
    public const string Usage = """
        usage: [--fault NAME[,NAME]|all] [--rounds N] [--soak --minutes N] [--seed N] [--hold SECONDS] [--freeze SECONDS] [--deadline SECONDS]
               [--writers N] [--pace MS] [--etcd auto|shared|own] [--restart-delay SECONDS] [--disk MB] [--agent PATH]
               [--set OPTION=VALUE]... [--json] [--markdown FILE] [--keep DIRECTORY] [--list]

          --fault          which faults; --list names them                                    (all)
          --rounds         how often each                                                     (1)
          --soak           faults at random for --minutes, instead of each --rounds times     (60 minutes)
          --seed           of everything that is left to chance; the same one repeats a run   (1)
          --hold           seconds a cut or an outage lasts                                   (60)
          --freeze         seconds what is stopped by SIGSTOP stays so                        (60)
          --deadline       seconds until the cluster has to be sound after it is healed       (120)
          --writers        clients that commit all the time, through the application's pooler (16)
          --pace           milliseconds each of them rests between two commits                (4)
          --etcd           etcd on the database hosts, on three of its own, or as a fault needs it  (auto)
          --restart-delay  seconds until a host starts a program again that ended             (1)
          --disk           megabytes of each host's disk                                      (1536)
          --agent          the executable pgcluster                                           (the one built with this)
          --set            an option of the configuration, for example leader.ttl=3s
          --markdown       writes the table of results there
          --keep           where the logs of failed rounds are kept                           (fault-logs)
        """;

    public IReadOnlyList<string> Faults { get; init; } = ["all"];
    public int Rounds { get; init; } = 1;
    public bool Soak { get; init; }
    public TimeSpan SoakTime { get; init; } = TimeSpan.FromMinutes(60);
    public int Seed { get; init; } = 1;
    public TimeSpan Hold { get; init; } = TimeSpan.FromSeconds(60);
    public TimeSpan Freeze { get; init; } = TimeSpan.FromSeconds(60);
    public TimeSpan Deadline { get; init; } = TimeSpan.FromSeconds(120);
    public int Writers { get; init; } = 16;
    public TimeSpan Pace { get; init; } = TimeSpan.FromMilliseconds(4);
    public EtcdLayout Etcd { get; init; } = EtcdLayout.Auto;
    public double RestartDelay { get; init; } = 1;
    public int DiskMegabytes { get; init; } = 1536;
    public string? Agent { get; init; }
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();
    public bool Json { get; init; }
    public string? Markdown { get; init; }
    public string Keep { get; init; } = "fault-logs";
    public bool List { get; init; }

    /// <summary>What of it is the cluster's.</summary>
    public HostedClusterOptions Cluster => new() { Agent = Agent, RestartDelay = RestartDelay, DiskMegabytes = DiskMegabytes, Settings = Settings };

    /// <summary>Reads the arguments.</summary>
    /// <exception cref="FormatException">They cannot be used; the message says why.</exception>
    public static FaultOptions Parse(string[] arguments)
    {
        var options = new FaultOptions();
        var left = new ArgumentReader(arguments);
        while (left.TryNext(out var name))
        {
            options = name switch
            {
                "--json" => options with { Json = true },
                "--soak" => options with { Soak = true },
                "--list" => options with { List = true },
                "--fault" => options with { Faults = left.Value().Split(',') },
                "--rounds" => options with { Rounds = (int)left.Number(1) },
                "--minutes" => options with { SoakTime = TimeSpan.FromMinutes(left.Number(0.1)) },
                "--seed" => options with { Seed = (int)left.Number(0) },
                "--freeze" => options with { Freeze = TimeSpan.FromSeconds(left.Number(1)) },
                "--hold" => options with { Hold = TimeSpan.FromSeconds(left.Number(1)) },
                "--deadline" => options with { Deadline = TimeSpan.FromSeconds(left.Number(1)) },
                "--writers" => options with { Writers = (int)left.Number(1) },
                "--pace" => options with { Pace = TimeSpan.FromMilliseconds(left.Number(0)) },
                "--etcd" => options with { Etcd = Enum.TryParse<EtcdLayout>(left.Value(), ignoreCase: true, out var layout) ? layout : throw new FormatException("--etcd is auto, shared or own") },
                "--restart-delay" => options with { RestartDelay = left.Number(0) },
                "--disk" => options with { DiskMegabytes = (int)left.Number(512) },
                "--agent" => options with { Agent = Path.GetFullPath(left.Value()) },
                "--set" => options with { Settings = With(options.Settings, left.Value()) },
                "--markdown" => options with { Markdown = Path.GetFullPath(left.Value()) },
                "--keep" => options with { Keep = left.Value() },
                _ => throw new FormatException($"unknown argument {name}"),
            };
        }

        return options with { Keep = Path.GetFullPath(options.Keep) };
    }

    private static Dictionary<string, string> With(IReadOnlyDictionary<string, string> settings, string setting) =>
        setting.Split('=', 2) is [var option, var value]
            ? new Dictionary<string, string>(settings) { [option] = value }
            : throw new FormatException($"--set takes OPTION=VALUE, not {setting}");
}

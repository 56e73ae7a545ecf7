using System.Globalization;
using PgCluster.Adapters.Process;

namespace PgCluster.Adapters.Postgres;

/// <summary>
/// Runs PostgreSQL's programs on a data directory that is being made, rewound or cloned. They go on when the agent that started them dies, so each carries a mark,
/// and the next agent ends it before it touches the directory.
/// </summary>
internal sealed class RejoinTools
{
    private const string Mark = "PGCLUSTER_REJOIN";
    private const int QuotedLines = 8;
    private static readonly TimeSpan KillPoll = TimeSpan.FromMilliseconds(5);

    private readonly string _node;
    private readonly string _dataDirectory;
    private readonly string _binDirectory;
    private readonly OsAccount? _owner;
    private readonly TimeProvider _time;

    internal RejoinTools(string node, string dataDirectory, string binDirectory, OsAccount? owner, TimeProvider time)
    {
        _node = node;
        _dataDirectory = dataDirectory;
        _binDirectory = binDirectory;
        _owner = owner;
        _time = time;
    }

    /// <summary>Runs one to its end; however long that takes, only the token bounds it.</summary>
    /// <exception cref="PgClusterException">With its last lines when it fails.</exception>
    internal async Task<string> RunAsync(
        string program, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string?> environment, CancellationToken cancellationToken, string? input = null)
    {
        var command = new ProgramCommand(Path.Combine(_binDirectory, program), arguments)
        {
            Account = _owner,
            WorkingDirectory = "/",
            Input = input,
            Environment = new Dictionary<string, string?>(environment) { [Mark] = _dataDirectory, ["LC_ALL"] = "C" },
        };
        var result = await ProgramRunner.RunAsync(command, Timeout.InfiniteTimeSpan, _time, cancellationToken).ConfigureAwait(false);
        if (result.ExitCode == 0)
        {
            return result.Output;
        }

        var lines = $"{result.Output}\n{result.Error}".Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        throw new PgClusterException(
            Reason.PostgresUnavailable,
            string.Create(
                CultureInfo.InvariantCulture,
                $"'{program}' failed on PostgreSQL of {_node} with exit code {result.ExitCode}:\n{string.Join('\n', lines.TakeLast(QuotedLines))}"))
        {
            Target = _node,
        };
    }

    /// <summary>Ends what an agent that died left running on this data directory.</summary>
    internal async Task EndLeftoversAsync(CancellationToken cancellationToken)
    {
        while (ProcessStat.AllPids().Where(pid => ProcessStat.HasEnvironment(pid, Mark, _dataDirectory))
            .Select(ProcessIdentity.Find).OfType<ProcessIdentity>().ToList() is { Count: > 0 } left)
        {
            foreach (var process in left)
            {
                process.Signal(UnixSignal.Kill);
            }

            await Task.Delay(KillPoll, _time, cancellationToken).ConfigureAwait(false);
        }
    }
}

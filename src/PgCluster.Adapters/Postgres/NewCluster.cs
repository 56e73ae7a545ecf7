using PgCluster.Adapters.Process;
using PgCluster.Engine.Membership;

namespace PgCluster.Adapters.Postgres;

/// <summary>
/// A new server, made in a directory beside the data directory, which it takes the place of in one step when it is complete. A mark says for which operation it was made:
/// nothing else is ever removed.
/// </summary>
internal sealed class NewCluster
{
    private const string MarkFile = "operation";
    private const UnixFileMode PrivateFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly string _dataDirectory;
    private readonly OsAccount? _owner;
    private readonly string _work;

    internal NewCluster(string dataDirectory, OsAccount? owner)
    {
        _dataDirectory = DataDirectoryProcesses.RealPath(dataDirectory);
        _owner = owner;
        _work = _dataDirectory + ".pgcluster-new";
    }

    /// <summary>Where it is until it is put in place.</summary>
    internal string Made => Path.Combine(_work, "data");

    /// <summary>Whether the data directory is missing or empty.</summary>
    internal bool HasRoom => !Directory.Exists(_dataDirectory) || !Directory.EnumerateFileSystemEntries(_dataDirectory).Any();

    /// <summary>Runs initdb and gives roles their passwords. Nothing is left when it fails.</summary>
    internal async Task MakeAsync(NewServerOrder order, string superuser, string statements, RejoinTools tools, CancellationToken cancellationToken)
    {
        await tools.EndLeftoversAsync(cancellationToken).ConfigureAwait(false);
        RemoveLeftovers();
        PrivateDirectory.Create(_work, _owner);
        try
        {
            DurableFile.Write(Path.Combine(_work, MarkFile), order.Operation, PrivateFile, _owner);
            await tools.RunAsync(
                "initdb",
                ["--pgdata=" + Made, "--username=" + superuser, "--encoding=" + order.Encoding, "--locale=" + order.Locale, "--lc-messages=C", "--data-checksums", "--auth=reject", "--no-instructions"],
                new Dictionary<string, string?>(), cancellationToken).ConfigureAwait(false);
            if (statements.Length > 0)
            {
                // Without a server that anybody could reach meanwhile.
                await tools.RunAsync(
                    "postgres", ["--single", "-D", Made, "-c", "exit_on_error=on", "-c", "log_min_error_statement=panic", "postgres"],
                    new Dictionary<string, string?>(), cancellationToken, statements).ConfigureAwait(false);
            }

            var conf = Path.Combine(Made, "postgresql.conf");
            var own = $"\n# What the cluster needs: the last word on a setting counts.\n{string.Join('\n', order.Settings)}\n";
            DurableFile.Write(conf, await File.ReadAllTextAsync(conf, cancellationToken).ConfigureAwait(false) + own, PrivateFile, _owner);
            DurableFile.Write(
                Path.Combine(Made, "pg_hba.conf"), $"# Made with the cluster, for its nodes and poolers. Add a line for each host that applications come from.\n{string.Join('\n', order.Access)}\n", PrivateFile, _owner);
        }
        catch
        {
            RemoveLeftovers();
            throw;
        }
    }

    /// <summary>True when a complete one lies ready that was made for that operation.</summary>
    internal bool IsOf(string operation) => File.Exists(Mark) && File.ReadAllText(Mark) == operation;

    /// <summary>Puts it in the data directory's place, which has to be free. A directory that is there goes first, and only when it is empty.</summary>
    internal void Place()
    {
        if (Directory.Exists(_dataDirectory))
        {
            Directory.Delete(_dataDirectory);
        }

        Directory.Move(Made, _dataDirectory);
        Posix.SyncDirectory(Path.GetDirectoryName(_dataDirectory)!);
        RemoveLeftovers();
    }

    /// <summary>Removes what an operation made and did not put in place, whichever it was.</summary>
    internal void RemoveLeftovers()
    {
        if (Directory.Exists(_work))
        {
            Directory.Delete(_work, recursive: true);
        }
    }

    private string Mark => Path.Combine(_work, MarkFile);
}

using PgCluster.Adapters.Process;

namespace PgCluster.Adapters.Postgres;

/// <summary>
/// What a rewind keeps beside the data directory until it has come to its end: how far it is, the node's own configuration, and the WAL it needs to be
/// repeated. It cannot be inside: pg_rewind removes from there whatever the source does not have.
/// </summary>
internal sealed class RewindWork
{
    private readonly string _phaseFile;

    internal RewindWork(string dataDirectory)
    {
        Root = DataDirectoryProcesses.RealPath(dataDirectory) + ".pgcluster-rewind";
        _phaseFile = Path.Combine(Root, "phase");
    }

    internal string Root { get; }

    /// <summary>The node's own configuration files.</summary>
    internal string OwnFiles => Path.Combine(Root, "own");

    /// <summary>Segments and pg_control as they were before pg_rewind.</summary>
    internal string Wal => Path.Combine(Root, "wal");

    internal RewindPhase Phase
    {
        get
        {
            try
            {
                // What cannot be read is taken for the worst: the directory is there because a rewind began.
                return Enum.TryParse<RewindPhase>(File.ReadAllText(_phaseFile), out var phase) ? phase : RewindPhase.Rewinding;
            }
            catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
            {
                return RewindPhase.None;
            }
        }
    }

    internal void Create(OsAccount? owner)
    {
        Remove();
        PrivateDirectory.Create(Root, owner);
    }

    internal void Enter(RewindPhase phase, OsAccount? owner) =>
        DurableFile.Write(_phaseFile, phase.ToString(), UnixFileMode.UserRead | UnixFileMode.UserWrite, owner);

    internal void Remove()
    {
        if (!Directory.Exists(Root))
        {
            return;
        }

        DurableFile.Delete(_phaseFile);
        Directory.Delete(Root, recursive: true);
    }
}

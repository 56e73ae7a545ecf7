using System.Management.Automation;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Disconnect-PgCluster</c>: closes a session.</summary>
[Cmdlet(VerbsCommunications.Disconnect, "PgCluster")]
[OutputType(typeof(void))]
public sealed class DisconnectPgClusterCommand : AsyncPgCmdlet
{
    private RunspaceSessions _sessions = null!;

    /// <summary>The session, or the name of a connected cluster; the default one when not given.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [SessionFromName]
    [ArgumentCompleter(typeof(SessionCompleter))]
    public PgClusterSession? Connection { get; set; }

    /// <inheritdoc/>
    protected override void PrepareProcess() => _sessions = RunspaceSessions.Current;

    /// <inheritdoc/>
    protected override async Task ProcessAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        var session = Connection ?? _sessions.Default
            ?? throw ErrorTable.Own(ErrorTable.NotConnected, "No cluster is connected in this runspace.");
        _sessions.Remove(session);
        await session.CloseAsync();
        pipeline.Verbose($"Closed session {session.Id} of cluster '{session.Cluster}'.");
    }
}

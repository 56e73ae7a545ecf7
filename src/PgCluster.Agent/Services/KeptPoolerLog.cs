using Microsoft.Extensions.Logging;

namespace PgCluster.Agent.Services;

/// <summary>Log messages of restarts of poolers (2030). Ids are stable.</summary>
internal static partial class KeptPoolerLog
{
    [LoggerMessage(2030, LogLevel.Information, "Pooler {Pooler} restarted under its clients: process {OldPid} ({OldVersion}) is process {NewPid} ({NewVersion}) now, with {Kept} of {Clients} clients, after {Elapsed} ms")]
    public static partial void Restarted(ILogger logger, string pooler, int oldPid, string oldVersion, int newPid, string newVersion, int kept, int clients, double elapsed);

    [LoggerMessage(2031, LogLevel.Error, "Pooler {Pooler} not restarted: {Error}")]
    public static partial void NotRestarted(ILogger logger, string pooler, string error);
}

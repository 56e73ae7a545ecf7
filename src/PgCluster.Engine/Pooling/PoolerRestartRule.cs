using System.Globalization;

namespace PgCluster.Engine.Pooling;

/// <summary>Whether a PgBouncer may be replaced by a new process without its clients noticing, and what the new one has otherwise.</summary>
public static class PoolerRestartRule
{
    /// <summary>Why not, as far as the console knows it; null when nothing is in the way.</summary>
    /// <param name="pooler">Its name.</param>
    /// <param name="look">What its console says.</param>
    /// <param name="mayDrop">Whether clients that cannot be handed over may be dropped.</param>
    public static PgClusterException? ObjectionOf(string pooler, PoolerLook look, bool mayDrop)
    {
        var paused = look.Databases.Where(d => d.Paused).Select(d => d.Name).ToArray();
        var disabled = look.Databases.Where(d => d is { Disabled: true, IsConsole: false }).Select(d => d.Name).ToArray();
        return look switch
        {
            { SocketDirectory: "" } => Refuse("it has no Unix socket, over which the new process asks for the connections of the old one: set unix_socket_dir in its configuration and restart it once by its service"),
            { SocketDirectory: ['@', ..] } => Refuse($"its Unix socket {look.SocketDirectory} is an abstract one, which a new process cannot take over: set unix_socket_dir to a directory and restart it once by its service"),
            _ when paused.Length > 0 => Refuse($"{Join(paused)} is paused, and PgBouncer hands nothing over then: Resume-PgPooler {pooler} first"),
            _ when disabled.Length > 0 => Refuse($"{Join(disabled)} was disabled at its console, of which the new process would not know: enable it, or restart it by its service"),
            { Dropped: > 0 } when !mayDrop => Refuse(string.Create(CultureInfo.InvariantCulture, $"{look.Dropped} of its {look.Clients.Count} clients would be dropped, because PgBouncer does not hand connections under TLS over: -Force does it all the same")),
            { WithPrepared: > 0 } when !mayDrop => Refuse(string.Create(CultureInfo.InvariantCulture, $"{look.WithPrepared} of its {look.Clients.Count} clients have prepared statements, which PgBouncer does not hand over, and would see an error: -Force does it all the same")),
            _ => null,
        };

        PgClusterException Refuse(string why) => Refusal(pooler, why);
    }

    /// <summary>Why not while clients wait: PgBouncer hands over who has a connection to a server or wants none, and drops the others after a while.</summary>
    public static PgClusterException Busy(string pooler, PoolerLook look) => Refusal(pooler, string.Create(
        CultureInfo.InvariantCulture,
        $"{look.Waiting} of its clients wait for a connection to a server all the time, and PgBouncer does not hand those over: try it again when it is less busy, or raise default_pool_size"));

    /// <summary>Why not, as far as the host knows it; null when nothing is in the way.</summary>
    /// <param name="pooler">Its name.</param>
    /// <param name="look">What its console says.</param>
    /// <param name="process">Its process.</param>
    /// <param name="keeper">The process that would start the new one.</param>
    public static PgClusterException? ObjectionOf(string pooler, PoolerLook look, PoolerProcess process, PoolerProcess keeper)
    {
        if (process.Unit.Length > 0 && process.Unit != keeper.Unit)
        {
            return Refuse(
                Reason.PreflightFailed,
                $"systemd runs it as {process.Unit}, and would take its end for a failure of the service: use systemctl reload {process.Unit} for a change of its configuration, systemctl restart {process.Unit} for a new version");
        }

        if (process.Pid == 1)
        {
            return Refuse(Reason.PreflightFailed, "it is the first process of its container, which ends with it: replace the container");
        }

        if (process.UserId != keeper.UserId && keeper.UserId != 0)
        {
            return Refuse(Reason.AccessDenied, string.Create(
                CultureInfo.InvariantCulture,
                $"it runs under user id {process.UserId} and its keeper under {keeper.UserId}, who cannot start another in its place: run both under one user, or restart it by its service"));
        }

        if (process.ErrorFile.Length == 0 && !look.HasLog)
        {
            return Refuse(Reason.PreflightFailed, "its log goes to the terminal or the pipe of whoever started it, which a new process does not get: set logfile in its configuration");
        }

        return process.OpenFiles > keeper.OpenFiles
            ? Refuse(Reason.PreflightFailed, string.Create(
                CultureInfo.InvariantCulture,
                $"it may have {process.OpenFiles} files open, and what its keeper starts no more than {keeper.OpenFiles}: raise the keeper's limit (LimitNOFILE)"))
            : null;

        PgClusterException Refuse(Reason reason, string why) => new(reason, string.Create(CultureInfo.InvariantCulture, $"PgBouncer of {pooler} (process {process.Pid}) cannot be restarted under its clients: {why}."))
        {
            Target = pooler,
        };
    }

    /// <summary>What the new process has otherwise: "name: before -> now".</summary>
    public static IReadOnlyList<string> Changes(PoolerLook before, PoolerLook after) =>
    [
        .. Differences(Databases(before), Databases(after)).Select(d => "database " + d),
        .. Differences(before.Settings, after.Settings),
    ];

    private static PgClusterException Refusal(string pooler, string why) => new(Reason.PreflightFailed, $"PgBouncer of {pooler} cannot be restarted under its clients: {why}.") { Target = pooler };

    private static IEnumerable<KeyValuePair<string, string>> Databases(PoolerLook look) => look.Databases.Where(d => !d.IsConsole)
        .Select(d => KeyValuePair.Create(d.Name, string.Create(CultureInfo.InvariantCulture, $"{d.Host ?? "socket"}:{d.Port}/{d.Database}")));

    private static IEnumerable<string> Differences(IEnumerable<KeyValuePair<string, string>> before, IEnumerable<KeyValuePair<string, string>> after)
    {
        var old = before.ToDictionary(StringComparer.Ordinal);
        var now = after.ToDictionary(StringComparer.Ordinal);
        return old.Keys.Union(now.Keys, StringComparer.Ordinal).Order(StringComparer.Ordinal)
            .Select(name => (Name: name, Old: old.GetValueOrDefault(name, "none"), Now: now.GetValueOrDefault(name, "none")))
            .Where(d => d.Old != d.Now).Select(d => $"{d.Name}: {d.Old} -> {d.Now}");
    }

    private static string Join(string[] databases) => (databases.Length == 1 ? "database " : "databases ") + string.Join(", ", databases);
}

using System.Globalization;

namespace PgCluster.Engine.Daemons;

/// <summary>Whether a daemon may be told something. Pure.</summary>
public static class DaemonOrderRule
{
    /// <summary>Why not; null when it may.</summary>
    public static PgClusterException? Refusal(ClusterDaemon daemon, DaemonOrderKind kind)
    {
        ArgumentNullException.ThrowIfNull(daemon);
        var who = string.Create(CultureInfo.InvariantCulture, $"{daemon.Name} (pid {daemon.Pid} on {daemon.Machine})");
        return (daemon, kind) switch
        {
            ({ State: not DaemonState.Running }, _) => Refused(Reason.PlanStale, $"{who} is {daemon.State}: only one that is Running is told anything"),
            ({ CanBeFollowed: false }, DaemonOrderKind.Upgrade or DaemonOrderKind.Rehearse) => Refused(
                Reason.NotSupportedHere, $"{who} gives its sockets to nobody: set agent.handoff_directory in its configuration and restart it once"),
            ({ CanBeFollowed: false }, DaemonOrderKind.Drain) => Refused(Reason.NotSupportedHere, $"{who} has no agent.handoff_directory and hears nothing but signals: stop it without a drain"),
            ({ Unit: { } unit }, DaemonOrderKind.Stop or DaemonOrderKind.Drain) => Refused(Reason.NotSupportedHere, $"systemd would start {who} again: systemctl stop {unit} there ends it"),
            _ => null,
        };

        PgClusterException Refused(Reason reason, string why) => new(reason, why) { Target = daemon.Name };
    }
}

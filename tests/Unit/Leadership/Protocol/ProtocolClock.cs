using PgCluster.Engine.Leadership;

namespace PgCluster.Tests.Unit.Leadership.Protocol;

/// <summary>The lease's times in ticks of 60 ms, so that the parts of <see cref="LeaderTiming"/> are whole numbers of them.</summary>
internal static class ProtocolClock
{
    public const int TimeToLive = 30;

    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(60);
    private static readonly LeaderTiming Timing = new(Tick * TimeToLive);

    public static int StopAfter { get; } = Ticks(Timing.StopAfter);

    public static int KillAfter { get; } = Ticks(Timing.KillAfter);

    /// <summary>How long a node takes, by the store's clock, for what is that long by its own when its clock loses the whole margin within one lease.</summary>
    public static int Slow(int own) => ((own * TimeToLive) + KillAfter - 1) / KillAfter;

    private static int Ticks(TimeSpan time) => (int)Math.Round(time / Tick);
}

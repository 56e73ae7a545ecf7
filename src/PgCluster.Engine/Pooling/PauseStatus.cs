namespace PgCluster.Engine.Pooling;

/// <summary>What a keeper holds at this moment.</summary>
/// <param name="State">Active, Pausing or Paused, as far as the keeper's own pauses go.</param>
/// <param name="Lease">The pause; null when none.</param>
/// <param name="ResumeError">Why the pause could not be ended yet; null when nothing is wrong.</param>
/// <param name="Last">The pause that clients were in last, the present one included; null when there was none.</param>
public sealed record PauseStatus(PoolerState State, PauseLease? Lease, string? ResumeError, PoolerPause? Last = null);

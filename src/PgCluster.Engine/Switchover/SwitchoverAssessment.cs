namespace PgCluster.Engine.Switchover;

/// <summary>Whether a switchover may run, and how.</summary>
/// <param name="Checks">What was looked at.</param>
/// <param name="Engine">How rows will be carried: never <see cref="SwitchoverEngine.Auto"/>.</param>
/// <param name="EngineReasons">Why this engine.</param>
public sealed record SwitchoverAssessment(IReadOnlyList<PreflightCheck> Checks, SwitchoverEngine Engine, IReadOnlyList<string> EngineReasons)
{
    /// <summary>True when nothing says no.</summary>
    public bool Ready => !Checks.Any(c => c.Status == CheckStatus.Failed);
}

namespace PgCluster;

/// <summary>One thing looked at before a change, with what was seen.</summary>
/// <param name="Name">Stable name of the check, without blanks.</param>
/// <param name="Status">How it ended.</param>
/// <param name="Evidence">What was seen, with numbers.</param>
/// <param name="Remedy">What to do about it; empty when it passed.</param>
/// <param name="Reason">The reason a refusal on this check carries.</param>
public sealed record PreflightCheck(string Name, CheckStatus Status, string Evidence, string Remedy = "", Reason Reason = Reason.PreflightFailed)
{
    /// <summary>The check whose evidence is what Pacemaker says that it would do (crm_simulate).</summary>
    public const string PacemakerWouldDo = "PacemakerWouldDo";
}

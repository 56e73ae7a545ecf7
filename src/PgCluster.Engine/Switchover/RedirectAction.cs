namespace PgCluster.Engine.Switchover;

/// <summary>What the primary's agent does about a redirect that is pending.</summary>
public enum RedirectAction
{
    /// <summary>Nothing: its client goes on with it, or a person has to.</summary>
    None = 0,

    /// <summary>Put it into force: the source database points away already.</summary>
    Activate,

    /// <summary>Take it away: the source database stays in charge and nobody works on it any more.</summary>
    Withdraw,
}

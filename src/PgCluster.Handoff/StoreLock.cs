namespace PgCluster.Handoff;

/// <summary>What a <see cref="DescriptorStore"/> lets happen. What is registered is found in any case.</summary>
internal enum StoreLock
{
    /// <summary>Everything.</summary>
    Open,

    /// <summary>A successor takes the descriptors over: nothing is registered and nothing removed.</summary>
    InProgress,

    /// <summary>A successor has them: what is registered can be removed.</summary>
    Completed,

    /// <summary>The process takes no more part: what is registered can be removed.</summary>
    Stopped,
}

/** What a network is: its sizes and options (SPEC 4). */

/** How the timestep of each slot reaches the decoder (SPEC 4). */
export const TIME_CONDITIONINGS = ["txl", "rotary", "additive", "none"] as const;

/** Sizes and options of the network (SPEC 4). */
export interface NetworkConfig {
  /** Vocabulary V, the number of token ids. */
  readonly vocabulary_size: number;
  /** Width C of token embeddings and latents. */
  readonly embedding_size: number;
  /** Hidden width d, a multiple of the number of heads. */
  readonly hidden_size: number;
  /** Layers of the encoder; 0 leaves its embeddings. */
  readonly encoder_layers: number;
  /** Blocks of the decoder. */
  readonly decoder_layers: number;
  /** Attention heads of encoder and decoder. */
  readonly attention_heads: number;
  /** Inner width of the encoder's feed-forward layers; the decoder's is always 4d. */
  readonly encoder_ffn_size: number;
  /** Width of the sinusoidal time embedding, even. */
  readonly time_channels: number;
  /** Learned positions of encoder and of decoder; neither source nor target may be longer. */
  readonly max_positions: number;
  /**
   * An extra attention key (the paper's model), a rotation, a term of the input, or none: where a slot's
   * vector already says whether it has settled.
   */
  readonly time_conditioning: typeof TIME_CONDITIONINGS[number];
  /** Whether the decoder is also given its previous prediction. */
  readonly self_conditioning: boolean;
  /** Whether token embeddings pass a LayerNorm (Difformer). */
  readonly embedding_layer_norm: boolean;
  /**
   * Whether a settled slot predicts its right neighbour, and looks left only; slots that wait hold a
   * learned vector and stand beside (docs/method.md). AR-Diffusion at its limit: a slot goes from T to
   * 0 in one move. Needs `anchor_distance` 1.
   */
  readonly shifted: boolean;
  /** Inner width of the head that chains the tokens of one call; 0: none. Needs `shifted`. */
  readonly token_chain: number;
  /**
   * Whether the encoder reads the target's embeddings, as they are before any LayerNorm, in place of a table
   * of its own: what a word of the source is and what writes it are then one vector, so that copying need not
   * be learnt word by word. Needs `embedding_size` = `hidden_size`.
   */
  readonly shared_embeddings: boolean;
}

/** Networks have these options as the paper's has them; a key that is added later stands here too. */
export const PLAIN_NETWORK = {
  self_conditioning: false,
  embedding_layer_norm: false,
  shifted: false,
  token_chain: 0,
  shared_embeddings: false,
} as const satisfies Partial<NetworkConfig>;

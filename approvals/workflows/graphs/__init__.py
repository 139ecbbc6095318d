"""Graphs of workflows: what a definition holds, where each state is drawn, and the drawing as it is stored."""

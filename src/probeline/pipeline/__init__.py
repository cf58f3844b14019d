"""What every stage needs: errors, parameters, safe writing, the frame of a stage."""
